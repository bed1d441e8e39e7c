"""A sealed trial's conversation, stored beside the memories that it used."""

from collections.abc import Callable

import pytest

from agentdyno.core.sink import Sink
from agentdyno.core.spec import MemoryItem
from agentdyno.core.trial import Outcome, Trial, TrialKey, WorkerReport
from agentdyno.memory.chat import keep_chat
from agentdyno.memory.server import MemoryServer
from agentdyno.store.database import open_pool


@pytest.fixture
def sealed() -> Callable[..., Trial]:
    def make(**changes: object) -> Trial:
        key = TrialKey(
            scenario="s", scenario_digest="", runner="r", runner_version="1", runner_digest="",
            model_digest="",
        )
        return Trial.model_validate({
            "id": "t1", "key": key, "outcome": Outcome.COMPLETED, "duration_s": 1.0,
            "started_at": "2026-11-21T10:00:00+00:00", "report": WorkerReport(ended="returned"),
        } | changes)

    return make


async def test_turns_and_used_memories_are_kept_once(
    database: str, sealed: Callable[..., Trial]
) -> None:
    pool = await open_pool(database)
    memory, sink = MemoryServer(pool), Sink(trial_id="t1", token="t")
    await memory.seed("t1", [MemoryItem(text="pears are ripe")])
    await memory.call(sink, "a", "memory_write", {"text": "a pear was eaten"})
    await memory.call(sink, "a", "memory_search", {"query": "pear"})
    trial = sealed(
        user_turns=("Is it ripe?", "And now?"), answers=("Yes.",), events=tuple(sink.events),
        end_state={"memory": await memory.end_state("t1")},
    )
    async with pool.connection() as link:
        assert await keep_chat(link, trial)
        assert not await keep_chat(link, trial)
    async with pool.connection() as link:
        messages = await link.execute("SELECT role, text FROM chat_message ORDER BY seq")
        assert await messages.fetchall() == [
            ("user", "Is it ripe?"), ("assistant", "Yes."), ("user", "And now?"),
        ]
        links = await link.execute(
            "SELECT l.relation, i.text FROM memory_link l JOIN memory_item i ON i.id = l.item_id"
            " ORDER BY l.event_seq, i.ordinal"
        )
        assert await links.fetchall() == [
            ("wrote", "a pear was eaten"), ("found", "pears are ripe"),
            ("found", "a pear was eaten"),
        ]
    await pool.close()
