"""Memory as an in-process MCP server: two tools, one namespace per execution of a trial."""

import asyncio
import json
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import psycopg
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from agentdyno.core.canonical import content_hash
from agentdyno.core.errors import HarnessFault
from agentdyno.core.event import MemoryAccess
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec, MemoryItem
from agentdyno.core.trial import Trial
from agentdyno.memory.chat import keep_chat
from agentdyno.memory.embedder import Embedder
from agentdyno.memory.search import Hit, Query, search, vector_text
from agentdyno.memory.toolset import SEARCH, checked, tools_of, unstorable

Pool = AsyncConnectionPool[Any]
Result = TypeVar("Result")

_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)
_PAUSES_S = (0.0, 0.2, 1.0, 3.0)
_INSERT = """
    INSERT INTO memory_item (namespace, ordinal, text, metadata, embedding, embedder_id)
    VALUES (%s, %s, %s, %s, %s::vector, %s) ON CONFLICT (namespace, ordinal) DO NOTHING
"""


@dataclass(eq=False, kw_only=True)
class _Box:
    """What one execution of a trial can see."""

    namespace: str
    seed_namespace: str | None = None
    seeds: int = 0
    written: list[dict[str, Any]] = field(default_factory=list)

    @property
    def namespaces(self) -> list[str]:
        return [name for name in (self.seed_namespace, self.namespace) if name]


class MemoryServer:
    """The tools memory_search and memory_write over Postgres; a `LocalServer`.

    A trial reads its own writes and its seed, never those of another trial or of another execution
    of itself. Rows stay in the database after the trial, for inspection; nothing deletes them.
    """

    def __init__(
        self, pool: Pool, embedder: Embedder | None = None, *,
        revive: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Keep items in `pool`; `revive` restarts an embedded server that was killed."""
        self._pool = pool
        self._embedder = embedder
        self._revive = revive
        self._boxes: dict[str, _Box] = {}
        self._seeded: set[str] = set()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def mode(self) -> Literal["lexical", "semantic"]:
        """`lexical` while there is no embedder: nothing knows what words mean."""
        return "semantic" if self._embedder else "lexical"

    @property
    def embedder_id(self) -> str | None:
        """What makes the vectors; null while memory is lexical."""
        return self._embedder.id if self._embedder else None

    def tools(self, agent: AgentSpec) -> tuple[dict[str, Any], ...]:
        """Return the tools that the agent's `memory` setting gives it."""
        return tools_of(agent)

    async def seed(self, trial_id: str, items: Sequence[MemoryItem] = ()) -> None:
        """Give a trial that is about to start a memory of its own that holds `items`.

        Equal seeds are stored once and shared, since no tool can change an item; so this costs
        the database nothing from the second trial on.

        Raises:
            HarnessFault: an item cannot be stored, or the database or the embedder is away.
        """
        box = _Box(namespace=f"{trial_id}/{uuid.uuid4().hex[:12]}", seeds=len(items))
        if items:
            embedder = self._embedder.id if self._embedder else None
            digest = content_hash([[(item.text, item.metadata) for item in items], embedder])
            box.seed_namespace = f"seed/{digest[:32]}"
            async with self._locks[box.seed_namespace]:
                if box.seed_namespace not in self._seeded:
                    await self._store_seed(box.seed_namespace, items)
                    self._seeded.add(box.seed_namespace)
        self._boxes[trial_id] = box

    async def call(
        self, sink: Sink, agent: str, tool: str, arguments: dict[str, Any]
    ) -> tuple[str, bool]:
        """Run one call; returns the text for the agent and whether it is an error.

        Raises:
            HarnessFault: the trial has no memory, or the database or the embedder is away.
        """
        used, problem = checked(tool, arguments)
        if problem:
            return problem, True
        box = self._boxes.get(sink.trial_id)
        if box is None:
            raise HarnessFault(f"Trial {sink.trial_id} has no memory: it was not seeded, or ended.")
        started = sink.now()
        if tool == SEARCH["name"]:
            hits = await self._search(box, used)
            ids, text, query = tuple(_id(h.ordinal) for h in hits), self._found(hits), used["query"]
        else:
            item = await self._write(box, used)
            ids, text, query = (item,), _compact({"id": item}), used["text"]
        sink.record(MemoryAccess(
            agent=agent, started_s=started, ended_s=sink.now(), query=query, mode=self.mode,
            operation="search" if tool == SEARCH["name"] else "write", hits=ids,
        ))
        return text, False

    async def end_state(self, trial_id: str) -> dict[str, Any]:
        """End the trial's memory and return what it wrote, and the names of its namespaces."""
        box = self._boxes.pop(trial_id, None)
        if box is None:
            return {}
        return {
            "namespace": box.namespace, "seed_namespace": box.seed_namespace,
            "mode": self.mode, "written": box.written,
        }

    async def keep(self, trial: Trial) -> None:
        """Store the conversation of a sealed trial, linked to the items it found or wrote.

        Raises:
            HarnessFault: the database is away.
        """
        await self._with_link(lambda link: keep_chat(link, trial))

    async def _search(self, box: _Box, used: dict[str, Any]) -> list[Hit]:
        if not box.seeds and not box.written:
            return []
        vector, embedder_id = None, None
        if self._embedder:
            [vector], embedder_id = await self._embedder.embed([used["query"]]), self._embedder.id
        query = Query(
            text=used["query"], namespaces=box.namespaces, filter=used.get("filter", {}),
            limit=int(used.get("limit", 5)), vector=vector, embedder_id=embedder_id,
        )
        return await self._with_link(lambda link: search(link, query))

    async def _write(self, box: _Box, used: dict[str, Any]) -> str:
        text, metadata = used["text"], used.get("metadata", {})
        # The number is taken before anything is awaited: parallel writes keep their order.
        ordinal = box.seeds + len(box.written) + 1
        box.written.append({"id": _id(ordinal), "text": text, "metadata": metadata})
        await self._insert([(box.namespace, ordinal, text, metadata)])
        return _id(ordinal)

    async def _store_seed(self, namespace: str, items: Sequence[MemoryItem]) -> None:
        for item in items:
            if problem := unstorable([item.text, item.metadata]):
                raise HarnessFault(f"The memory seed {item.text[:60]!r} cannot be kept: {problem}.")

        async def count(link: psycopg.AsyncConnection) -> int:
            query = "SELECT count(*) FROM memory_item WHERE namespace = %s"
            row = await (await link.execute(query, [namespace])).fetchone()
            return int(row[0]) if row else 0

        if await self._with_link(count) < len(items):
            await self._insert([
                (namespace, n, item.text, item.metadata) for n, item in enumerate(items, start=1)
            ])

    async def _insert(self, items: Sequence[tuple[str, int, str, dict[str, Any]]]) -> None:
        vectors: Sequence[str | None] = [None] * len(items)
        embedder_id = self._embedder.id if self._embedder else None
        if self._embedder:
            vectors = [vector_text(v) for v in await self._embedder.embed([i[2] for i in items])]
        rows = [
            (namespace, ordinal, text, Jsonb(metadata), vector, embedder_id)
            for (namespace, ordinal, text, metadata), vector in zip(items, vectors, strict=True)
        ]

        async def insert(link: psycopg.AsyncConnection) -> None:
            async with link.cursor() as cursor:
                await cursor.executemany(_INSERT, rows)

        await self._with_link(insert)

    async def _with_link(
        self, work: Callable[[psycopg.AsyncConnection], Awaitable[Result]]
    ) -> Result:
        """Do `work` in one transaction, again when the connection breaks; it may be repeated."""
        for pause in (*_PAUSES_S, None):
            try:
                async with self._pool.connection() as link:
                    return await work(link)
            except _AWAY as error:
                if pause is None:
                    reason = str(error).strip() or "no answer in time"
                    raise HarnessFault(
                        f"The memory's database is away: {reason}", "agentdyno db status"
                    ) from error
                await asyncio.sleep(pause)
                if self._revive is not None:
                    await self._revive()
        raise AssertionError("unreachable")

    def _found(self, hits: Sequence[Hit]) -> str:
        return _compact({"mode": self.mode, "results": [
            {"id": _id(hit.ordinal), "text": hit.text, "metadata": hit.metadata,
             "score": round(hit.score, 4)}
            for hit in hits
        ]})


def _id(ordinal: int) -> str:
    return f"m{ordinal}"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
