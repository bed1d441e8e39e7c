"""What the AutoGen adapter keeps and overrides: its sessions, and an option of its model client."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Any

from autogen_core.models import CreateResult, LLMMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient

from agentdyno.core.pattern import pattern_agents
from agentdyno.core.trial import Assignment

if TYPE_CHECKING:
    from agentdyno.runners._autogen_tools import Workbench


class Client(OpenAIChatCompletionClient):
    """Asks for the agent's own tool_choice instead of the one that AssistantAgent leaves."""

    def __init__(self, tool_choice: str, **settings: Any) -> None:
        super().__init__(**settings)
        self._tool_choice = tool_choice
        self.word: str | None = None
        """Text of the last answer that came at once; whoever wants to know of new ones empties
        it."""

    async def create(self, messages: Sequence[LLMMessage], **options: Any) -> CreateResult:
        """Answer at once."""
        options = {**options, "tool_choice": self._tool_choice}
        result = await super().create(messages, **options)
        self.word = result.content if isinstance(result.content, str) else None
        return result

    def create_stream(
        self, messages: Sequence[LLMMessage], **options: Any
    ) -> AsyncGenerator[str | CreateResult, None]:
        """Answer in pieces."""
        return super().create_stream(messages, **{**options, "tool_choice": self._tool_choice})


class Sessions:
    """The tool sessions of a pattern's agents, which serve one trial after the other."""

    def __init__(self) -> None:
        self.open: dict[str, Workbench] = {}
        """Workbenches by agent; an agent without tools has none."""

    async def bind(self, assignment: Assignment) -> None:
        """Point the sessions at the trial, and read its tools."""
        for name in pattern_agents(assignment.pattern):
            url = assignment.endpoints[name].mcp_url
            if url is None:
                continue
            if name not in self.open:
                # Dear to import, so only a team with tools pays for it.
                from agentdyno.runners._autogen_tools import Workbench

                self.open[name] = Workbench(url)
            await self.open[name].renew(url, assignment.token)

    async def close(self) -> None:
        """Close the sessions."""
        await asyncio.gather(*(workbench.stop() for workbench in self.open.values()))
