"""The fixture `memory`: the memory server on a database of its own, for unit tests of agents."""

import json
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from agentdyno.cli.database import address
from agentdyno.cli.pytesting.session import Session
from agentdyno.cli.session import open_embedder
from agentdyno.core.errors import HarnessFault
from agentdyno.core.event import MemoryAccess
from agentdyno.core.settings import Settings
from agentdyno.core.sink import Sink
from agentdyno.experiments.bench import Bench, open_bench
from agentdyno.experiments.pytesting.scripted import SOLO, stand_in
from agentdyno.experiments.pytesting.seen import Seen, numbered, shown
from agentdyno.memory.server import MemoryServer
from agentdyno.models.gateway import ModelGateway
from agentdyno.store.database import CONNECTION_ERRORS, open_pool
from agentdyno.store.migrations import migrate
from agentdyno.tools.gateway import ToolGateway

_AGENT = stand_in(SOLO, memory="read_write")
_TEST = "test"
"""Name under which the test itself reads and writes."""


class UnitMemory:
    """The tools `memory_search` and `memory_write` at an MCP address, and a way round it."""

    def __init__(self, session: Session, bench: Bench, server: MemoryServer, sink: Sink) -> None:
        self._session = session
        self._bench = bench
        self._server = server
        self._sink = sink

    @property
    def mcp_url(self) -> str:
        """Streamable-HTTP MCP address for the agent."""
        url = self._bench.endpoint(self._sink.trial_id, _AGENT).mcp_url
        assert url is not None, "an agent with memory has tools"
        return url

    @property
    def key(self) -> str:
        """Bearer token for `mcp_url`."""
        return self._sink.token

    def write(self, text: str, **metadata: Any) -> str:
        """Remember a text, as a test; returns the item's identifier."""
        return str(self._call("memory_write", {"text": text, "metadata": metadata})["id"])

    def search(self, query: str, limit: int = 5) -> list[dict[str, Any]]:
        """Return items (id, text, metadata, score) that fit best, best first."""
        found = self._call("memory_search", {"query": query, "limit": limit})
        results: list[dict[str, Any]] = found["results"]
        return results

    def remembered(self, text: str) -> Seen:
        """Ask whether the agent wrote something that contains `text`."""
        return self._asked("write", text)

    def recalled(self, text: str) -> Seen:
        """Ask whether the agent searched for something that contains `text`."""
        return self._asked("search", text)

    def _call(self, tool: str, arguments: dict[str, Any]) -> Any:
        text, failed = self._session.call(
            self._server.call(self._sink, _TEST, tool, arguments)
        )
        if failed:
            raise ValueError(text)
        return json.loads(text)

    def _asked(self, operation: str, text: str) -> Seen:
        done = [
            event.query for event in self._sink.events
            if isinstance(event, MemoryAccess) and event.agent != _TEST
            and event.operation == operation
        ]
        verb = "written" if operation == "write" else "searched for"
        return Seen(
            holds=any(text in one for one in done),
            question=f"{shown(repr(text))} was {verb} by the agent",
            evidence=numbered(f"what it has {verb}:", [shown(one, 200) for one in done],
                              f"the agent has {verb} nothing"),
        )


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[str]:
    """Make a database of its own on the settings' server; dropped at the end."""
    server, name = await address(settings), f"dyno_test_{secrets.token_hex(8)}"
    try:
        async with await psycopg.AsyncConnection.connect(server, autocommit=True) as link:
            await link.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except (psycopg.Error, *CONNECTION_ERRORS) as error:
        raise HarnessFault(
            f"the fixture `memory` cannot make a database of its own: {error}",
            "allow the user of AGENTDYNO_DATABASE_URL to create databases, or unset it",
        ) from error
    try:
        yield make_conninfo(server, dbname=name)
    finally:
        async with await psycopg.AsyncConnection.connect(server, autocommit=True) as link:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            await link.execute(drop.format(sql.Identifier(name)))


@asynccontextmanager
async def _memory(session: Session) -> AsyncIterator[UnitMemory]:
    async with _database(session.settings) as dsn, open_embedder(session.settings) as embedder:
        await migrate(dsn)
        pool = await open_pool(dsn, size=2)
        try:
            server = MemoryServer(pool, embedder)
            async with open_bench(ModelGateway(), ToolGateway({"memory": server})) as bench:
                sink = Sink(trial_id="unit", token=secrets.token_urlsafe(24))
                await server.seed(sink.trial_id)
                await bench.tools.open(sink, [_AGENT], {}, Path.cwd())
                yield UnitMemory(session, bench, server, sink)
                await bench.tools.close(sink.trial_id)
        finally:
            await pool.close()


@contextmanager
def open_memory(session: Session) -> Iterator[UnitMemory]:
    """Serve a memory for the duration of one test."""
    with session.background.holding(_memory(session)) as opened:
        yield opened
