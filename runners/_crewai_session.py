"""An MCP session of the CrewAI adapter; imported by teams with tools alone, for it is dear."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, Tool

from agentdyno.runners.teams import Door

ResultT = TypeVar("ResultT")


class GatewayDoor(Door, httpx.Auth):
    """The door of one session, as its HTTP client wants it."""


class Session:
    """An MCP session that says when it is gone: the client leaves its callers waiting for ever."""

    def __init__(self, client: ClientSession, door: GatewayDoor) -> None:
        self._client = client
        self._door = door
        self._gone = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, token: str) -> AsyncIterator["Session"]:
        """Connect; the harness keeps the time."""
        door = GatewayDoor()
        door.url, door.token = url, token
        async with AsyncExitStack() as stack:
            http = httpx.AsyncClient(auth=door, timeout=None)  # noqa: S113
            await stack.enter_async_context(http)
            read, write, _ = await stack.enter_async_context(
                streamable_http_client(url, http_client=http)
            )
            session = cls(await stack.enter_async_context(ClientSession(read, write)), door)
            await session._client.initialize()
            try:
                yield session
            finally:
                session._gone.set()

    def turn_to(self, url: str, token: str) -> None:
        """Serve another trial from now on."""
        self._door.url, self._door.token = url, token

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
