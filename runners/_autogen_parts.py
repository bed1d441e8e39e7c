"""What the AutoGen adapter overrides: an option of its model client, three holes of its workbench.

Both classes are meant to be derived from; the one private name is in a function of its own.
"""

# mypy: disable-error-code="import-not-found, misc, attr-defined"
# mypy sees the harness's Python: no framework there, and another major version of mcp.

import asyncio
import atexit
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import httpx
from autogen_core import CancellationToken
from autogen_core.models import CreateResult, LLMMessage
from autogen_core.tools import TextResultContent, ToolResult, ToolSchema
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.tools.mcp import McpWorkbench, StreamableHttpServerParams

from agentdyno.core.spec import pattern_agents
from agentdyno.core.trial import Assignment
from agentdyno.runners.teams import Door

_NO_DEADLINE_S = 86_400.0
"""The harness keeps the time; MCP wants a number."""


class Client(OpenAIChatCompletionClient):
    """Asks for the agent's own tool_choice instead of the one that AssistantAgent leaves."""

    def __init__(self, tool_choice: str, **settings: Any) -> None:
        super().__init__(**settings)
        self._tool_choice = tool_choice

    async def create(self, messages: Sequence[LLMMessage], **options: Any) -> CreateResult:
        """Answer at once."""
        return await super().create(messages, **{**options, "tool_choice": self._tool_choice})

    def create_stream(
        self, messages: Sequence[LLMMessage], **options: Any
    ) -> AsyncGenerator[str | CreateResult, None]:
        """Answer in pieces."""
        return super().create_stream(messages, **{**options, "tool_choice": self._tool_choice})


class AutoGenDoor(Door, httpx.Auth):
    """The door, as the workbench's HTTP client wants it."""


class DoorParams(StreamableHttpServerParams):
    """Server parameters with `auth`, which the workbench hands to the MCP client with the rest."""

    auth: Any


class Workbench(McpWorkbench):
    """Lists its tools once for each trial, and lets a token cancel what it calls."""

    _listed: list[ToolSchema] | None = None

    async def renew(self) -> None:
        """Start the session if there is none, and read the tools anew."""
        if self._actor is None:
            await self.start()
        # Asked at once: an actor that dies first reports only that it is not running.
        self._listed = await super().list_tools()

    async def list_tools(self) -> list[ToolSchema]:
        """Return the tools as `renew` found them."""
        if self._listed is None:
            await self.renew()
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


class Sessions:
    """The tool sessions of a pattern's agents, which serve one trial after the other."""

    def __init__(self) -> None:
        self._doors: dict[str, AutoGenDoor] = {}
        self.open: dict[str, Workbench] = {}
        """Workbenches by agent; an agent without tools has none."""

    async def bind(self, assignment: Assignment) -> None:
        """Point the sessions at the trial, and read its tools."""
        for name in pattern_agents(assignment.pattern):
            url = assignment.endpoints[name].mcp_url
            if url is None:
                continue
            door = self._doors.setdefault(name, AutoGenDoor())
            door.url, door.token = url, assignment.token
            if name not in self.open:
                self.open[name] = Workbench(DoorParams(
                    url=url, auth=door, timeout=_NO_DEADLINE_S, sse_read_timeout=_NO_DEADLINE_S
                ))
            await self.open[name].renew()

    async def close(self) -> None:
        """Close the sessions."""
        await asyncio.gather(*(workbench.stop() for workbench in self.open.values()))


def _forget_at_exit(actor: Any) -> None:
    # Each McpSessionActor registers itself and is never unregistered: ~14 kB and a token a trial.
    atexit.unregister(actor._sync_shutdown)
