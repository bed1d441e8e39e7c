"""What the AutoGen adapter overrides in its MCP workbench: three holes, and a door.

The class is meant to be derived from; the one private name is in a function of its own.
"""

import asyncio
import atexit
from collections.abc import Mapping
from typing import Any

import httpx
from autogen_core import CancellationToken
from autogen_core.tools import TextResultContent, ToolResult, ToolSchema
from autogen_ext.tools.mcp import McpWorkbench, StreamableHttpServerParams

from agentdyno.runners.teams import Door

_NO_DEADLINE_S = 86_400.0
"""The harness keeps the time; MCP wants a number."""


class AutoGenDoor(Door, httpx.Auth):
    """The door, as the workbench's HTTP client wants it."""


class DoorParams(StreamableHttpServerParams):
    """Server parameters with `auth`, which the workbench hands to the MCP client with the rest."""

    auth: Any


class Workbench(McpWorkbench):
    """Lists its tools once for each trial, and lets a token cancel what it calls."""

    _listed: list[ToolSchema] | None = None

    def __init__(self, url: str) -> None:
        self._door = AutoGenDoor()
        super().__init__(DoorParams(
            url=url, auth=self._door, timeout=_NO_DEADLINE_S, sse_read_timeout=_NO_DEADLINE_S
        ))

    async def renew(self, url: str, token: str) -> None:
        """Turn to another trial: start the session if there is none, and read its tools."""
        self._door.url, self._door.token = url, token
        if self._actor is None:
            await self.start()
        # Asked at once: an actor that dies first reports only that it is not running.
        self._listed = await super().list_tools()

    async def list_tools(self) -> list[ToolSchema]:
        """Return the tools as `renew` found them."""
        assert self._listed is not None
        return self._listed

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> ToolResult:
        """Call a tool; once the token is cancelled, answer all the same."""
        call = asyncio.ensure_future(super().call_tool(name, arguments, None, call_id))
        if cancellation_token is not None:
            cancellation_token.link_future(call)
        try:
            return await call
        except asyncio.CancelledError:
            if cancellation_token is None or not cancellation_token.is_cancelled():
                raise
            gone = TextResultContent(content="The tool call was cancelled.")
            return ToolResult(name=name, result=[gone], is_error=True)

    async def stop(self) -> None:
        """Close the session, and forget it."""
        actor = self._actor
        await super().stop()
        _forget_at_exit(actor)


def _forget_at_exit(actor: Any) -> None:
    # Each McpSessionActor registers itself and is never unregistered: ~14 kB and a token a trial.
    atexit.unregister(actor._sync_shutdown)
