"""MCP sessions of the CrewAI adapter: one for each agent of a team, pooled between trials."""

# mypy: disable-error-code="import-not-found, misc, attr-defined"
# mypy sees the harness's Python: no framework there, and another major version of mcp.

import asyncio
from collections.abc import AsyncIterator, Coroutine, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, Tool

from agentdyno.core.spec import pattern_agents
from agentdyno.core.trial import Assignment
from agentdyno.runners.teams import Held

ResultT = TypeVar("ResultT")


class Door(httpx.Auth):
    """Sends each request of a pooled MCP session to the trial that holds the session now."""

    url = ""
    token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Readdress `request` and sign it."""
        request.url = httpx.URL(self.url)
        request.headers["Authorization"] = f"Bearer {self.token}"
        yield request


class Session:
    """An MCP session that says when it is gone: the client leaves its callers waiting for ever."""

    def __init__(self, client: ClientSession) -> None:
        self._client = client
        self._gone = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, door: Door) -> AsyncIterator["Session"]:
        """Connect through `door`; the harness keeps the time."""
        async with AsyncExitStack() as stack:
            http = httpx.AsyncClient(auth=door, timeout=None)  # noqa: S113
            await stack.enter_async_context(http)
            read, write, _ = await stack.enter_async_context(
                streamable_http_client(url, http_client=http)
            )
            session = cls(await stack.enter_async_context(ClientSession(read, write)))
            await session._client.initialize()
            try:
                yield session
            finally:
                session._gone.set()

    def is_gone(self) -> bool:
        """Return whether the connection ended."""
        return self._gone.is_set()

    async def tools(self) -> list[Tool]:
        """List the tools anew; raises ConnectionError when the session is gone."""
        return (await self._answer(self._client.list_tools())).tools

    async def call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        """Call a tool; raises ConnectionError when the session is gone."""
        return await self._answer(self._client.call_tool(tool, arguments))

    async def _answer(self, request: Coroutine[Any, Any, ResultT]) -> ResultT:
        answer = asyncio.ensure_future(request)
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            raise ConnectionError("the MCP session broke off")
        finally:
            gone.cancel()
            answer.cancel()


class Sessions:
    """The tool sessions of a pattern's agents, which serve one trial after the other."""

    def __init__(self) -> None:
        self._doors: dict[str, Door] = {}
        self._held: dict[str, Held[Session]] = {}
        self.open: dict[str, tuple[Session, list[Tool]]] = {}
        """Session and tools by agent; an agent without tools has none."""

    async def bind(self, assignment: Assignment) -> None:
        """Point the sessions at the trial, and read its tools."""
        for name in pattern_agents(assignment.pattern):
            url = assignment.endpoints[name].mcp_url
            if url is None:
                continue
            door = self._doors.setdefault(name, Door())
            door.url, door.token = url, assignment.token
            if name in self.open and self.open[name][0].is_gone():
                await self._held[name].close()
                del self.open[name]
            if name not in self.open:
                self._held[name] = Held(Session.open(url, door))
                self.open[name] = (await self._held[name].open(), [])
            session = self.open[name][0]
            self.open[name] = (session, await session.tools())

    async def close(self) -> None:
        """Close the sessions."""
        await asyncio.gather(*(held.close() for held in self._held.values()))
