"""Memory through its two tools."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import psycopg
import pytest

from agentdyno.core.errors import HarnessFault
from agentdyno.core.event import MemoryAccess
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec, MemoryItem
from agentdyno.memory.server import MemoryServer
from agentdyno.store.database import Pool, open_pool

SEED = (
    MemoryItem(text="The committee prefers dividends over growth.", metadata={"topic": "policy"}),
    MemoryItem(text="Microsoft was recommended in March.", metadata={"topic": "history"}),
    MemoryItem(text="Lunch is at noon.", metadata={"topic": "house", "n": 3}),
)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database)
    yield pool
    await pool.close()


@pytest.fixture
def memory(pool: Pool) -> MemoryServer:
    return MemoryServer(pool)


def sink_of(trial: str) -> Sink:
    return Sink(trial_id=trial, token="t")


async def call(memory: MemoryServer, sink: Sink, tool: str, **arguments: Any) -> Any:
    text, is_error = await memory.call(sink, "analyst", tool, arguments)
    assert not is_error, text
    return json.loads(text)


def agent(memory: str) -> AgentSpec:
    return AgentSpec(name="a", role="r", goal="g", instructions="i", memory=memory)  # type: ignore[arg-type]


@pytest.mark.parametrize(("setting", "names"), [
    ("none", []), ("read", ["memory_search"]), ("read_write", ["memory_search", "memory_write"]),
])
def test_an_agent_is_given_the_tools_of_its_memory_setting(
    setting: str, names: list[str], memory: MemoryServer
) -> None:
    assert [tool["name"] for tool in memory.tools(agent(setting))] == names


async def test_any_word_of_a_question_finds_the_best_item_first(memory: MemoryServer) -> None:
    await memory.seed("t1", SEED)
    sink = sink_of("t1")
    found = await call(
        memory, sink, "memory_search", query="What do committees' preferences say of dividends?"
    )
    assert found["mode"] == "lexical"
    assert found["results"][0]["id"] == "m1"
    assert set(found["results"][0]) == {"id", "text", "metadata", "score"}
    [event] = sink.events
    assert isinstance(event, MemoryAccess)
    assert (event.operation, event.mode, event.hits[0], event.agent) == (
        "search", "lexical", "m1", "analyst")


async def test_stop_words_and_signs_find_nothing(memory: MemoryServer) -> None:
    await memory.seed("t1", SEED)
    for query in ("the is at", "???", "' | \\ & !(", "elephant"):
        found = await call(memory, sink_of("t1"), "memory_search", query=query)
        assert found["results"] == []


async def test_what_was_written_is_found_and_numbered_after_the_seed(memory: MemoryServer) -> None:
    await memory.seed("t1", SEED)
    sink = sink_of("t1")
    said = "Größe 7'5 für Zoë"
    written = await call(memory, sink, "memory_write", text=said, metadata={"k": [1]})
    assert written == {"id": "m4"}
    [hit] = (await call(memory, sink, "memory_search", query="zoë"))["results"]
    assert (hit["id"], hit["metadata"]) == ("m4", {"k": [1]})
    state = await memory.end_state("t1")
    assert state["written"] == [{"id": "m4", "text": said, "metadata": {"k": [1]}}]


async def test_metadata_filters_and_the_limit_hold(memory: MemoryServer) -> None:
    await memory.seed("t1", SEED)
    sink = sink_of("t1")
    query = "committee Microsoft lunch"
    everything = await call(memory, sink, "memory_search", query=query)
    assert len(everything["results"]) == 3
    one = await call(memory, sink, "memory_search", query=query, limit=1)
    assert one["results"] == everything["results"][:1]
    some = await call(memory, sink, "memory_search", query=query, filter={"n": 3}, limit=None)
    assert [hit["id"] for hit in some["results"]] == ["m3"]


async def test_a_canary_is_never_seen_by_another_trial_or_another_execution(
    memory: MemoryServer, pool: Pool
) -> None:
    await memory.seed("t1", [MemoryItem(text="canary seeded")])
    await memory.seed("t2", SEED)
    await memory.seed("t3")
    await call(memory, sink_of("t1"), "memory_write", text="canary written")
    other_run = MemoryServer(pool)
    await other_run.seed("t1", SEED)
    await memory.seed("t4", SEED)
    for server, trial in ((memory, "t2"), (memory, "t3"), (memory, "t4"), (other_run, "t1")):
        found = await call(server, sink_of(trial), "memory_search", query="canary", limit=50)
        assert found["results"] == []
    own = await call(memory, sink_of("t1"), "memory_search", query="canary")
    assert {hit["id"] for hit in own["results"]} == {"m1", "m2"}
    await memory.seed("t1")
    again = await call(memory, sink_of("t1"), "memory_search", query="canary")
    assert again["results"] == []


async def test_equal_seeds_are_stored_once(memory: MemoryServer, pool: Pool) -> None:
    servers = (memory, MemoryServer(pool))
    await asyncio.gather(*(
        server.seed(f"t{n}", SEED) for n in range(10) for server in servers
    ))
    async with pool.connection() as link:
        row = await (await link.execute("SELECT count(*) FROM memory_item")).fetchone()
    assert row == (3,)


async def test_parallel_writes_are_all_kept(memory: MemoryServer) -> None:
    await memory.seed("t1")
    sink = sink_of("t1")
    ids = await asyncio.gather(*(
        call(memory, sink, "memory_write", text=f"pear {n}") for n in range(12)
    ))
    assert [answer["id"] for answer in ids] == [f"m{n}" for n in range(1, 13)]
    found = await call(memory, sink, "memory_search", query="pears", limit=50)
    assert len(found["results"]) == 12


@pytest.mark.parametrize(("tool", "arguments", "message"), [
    ("memory_search", {}, "'query' is a required property"),
    ("memory_search", {"query": ""}, "query: "),
    ("memory_search", {"query": "x", "limit": "many"}, "limit: 'many' is not of type 'integer'"),
    ("memory_search", {"query": "x", "limit": 0}, "limit: 0 is less than the minimum of 1"),
    ("memory_write", {"text": None}, "text: None is not of type 'string'"),
    ("memory_write", {"text": "x", "meta": {}}, "'meta' was unexpected"),
    ("memory_write", {"text": "x\0"}, "NUL"),
    ("memory_write", {"text": "x", "metadata": {"a": ["\ud800"]}}, "surrogate"),
    ("memory_drop", {}, "There is no tool 'memory_drop'. Memory has: memory_search, memory_write."),
])
async def test_bad_arguments_are_an_error_that_the_model_understands(
    tool: str, arguments: dict[str, Any], message: str, memory: MemoryServer
) -> None:
    await memory.seed("t1")
    sink = sink_of("t1")
    text, is_error = await memory.call(sink, "analyst", tool, arguments)
    assert is_error
    assert message in text
    assert sink.events == []


async def test_a_trial_that_has_ended_has_no_memory(memory: MemoryServer) -> None:
    await memory.seed("t1", SEED)
    await memory.end_state("t1")
    with pytest.raises(HarnessFault, match="t1 has no memory"):
        await memory.call(sink_of("t1"), "a", "memory_search", {"query": "x"})
    assert await memory.end_state("t1") == {}


async def test_a_seed_that_postgres_cannot_hold_is_refused(memory: MemoryServer) -> None:
    with pytest.raises(HarnessFault, match="NUL"):
        await memory.seed("t1", [MemoryItem(text="a\0b")])


async def test_a_broken_connection_is_not_seen_by_the_agent(
    memory: MemoryServer, database: str
) -> None:
    await memory.seed("t1", SEED)
    sink = sink_of("t1")
    await call(memory, sink, "memory_write", text="plum")
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as link:
        await link.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    assert (await call(memory, sink, "memory_search", query="plums"))["results"]


class Meaning:
    """An embedder for tests that knows one synonym."""

    id = "synonyms-of-two-words"

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [[float("car" in t or "automobile" in t), float("fruit" in t), 0.1] for t in texts]


async def test_with_an_embedder_meaning_finds_what_words_do_not(pool: Pool) -> None:
    seed = [MemoryItem(text="an old automobile"), MemoryItem(text="ripe fruit")]
    lexical, semantic = MemoryServer(pool), MemoryServer(pool, Meaning())
    for server in (lexical, semantic):
        await server.seed("t1", seed)
    assert (await call(lexical, sink_of("t1"), "memory_search", query="car"))["results"] == []
    sink = sink_of("t1")
    found = await call(semantic, sink, "memory_search", query="car")
    assert found["mode"] == "semantic"
    assert [hit["id"] for hit in found["results"]] == ["m1", "m2"]
    async with pool.connection() as link:
        rows = await link.execute("SELECT embedder_id, count(*) FROM memory_item GROUP BY 1")
        assert dict(await rows.fetchall()) == {None: 2, Meaning.id: 2}
