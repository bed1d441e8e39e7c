"""The agents of one trial: their model clients, their tools, and what is told of them."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Literal

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import Handoff, Response
from autogen_agentchat.conditions import FunctionalTermination
from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage
from autogen_core import CancellationToken
from autogen_core.models import ModelInfo
from autogen_core.tools import BaseTool, StaticStreamWorkbench
from openai import DefaultAsyncHttpxClient

from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Assignment
from agentdyno.runners._autogen_parts import Client, Sessions
from agentdyno.runners.parity import own_retries
from agentdyno.runners.telling import Teller

_MODEL_INFO: ModelInfo = {
    "vision": False, "function_calling": True, "json_output": True, "structured_output": True,
    "family": "unknown", "multiple_system_messages": True,
}
"""Required for any name that is not OpenAI's own; the family decides how messages are rewritten."""


class Entered(BaseAgentEvent):
    """An agent got the floor; a custom event, as teams take them by `custom_message_types`."""

    type: Literal["Entered"] = "Entered"

    def to_text(self) -> str:
        """Return who it is."""
        return self.source


class Member(AssistantAgent):
    """Says when it gets the floor: a GraphFlow has no event for that."""

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        """Answer `messages`."""
        yield Entered(source=self.name)
        async with aclosing(super().on_messages_stream(messages, cancellation_token)) as stream:
            async for item in stream:
                yield item


class WorkerStopped(Exception):
    """A worker made all the model calls that it may make."""


class Crew:
    """Makes the agents of one trial."""

    def __init__(
        self, assignment: Assignment, sessions: Sessions, http: DefaultAsyncHttpxClient,
        tell: Teller,
    ) -> None:
        self.assignment = assignment
        self.tell = tell
        self.overran: list[str] = []
        """Agents that made all their model calls without coming to an answer."""
        self._sessions = sessions
        self._http = http

    def limit(self) -> FunctionalTermination:
        """Return the condition that ends a team once an agent overran.

        It asks the agents and not the messages: of agents that work side by side a condition is
        shown the last one's messages only.
        """
        return FunctionalTermination(lambda _: bool(self.overran))

    def client(self, name: str, *, tools: bool, parallel: bool = True) -> Client:
        """Return the model client of agent `name`; `parallel` false forbids parallel calls."""
        spec, endpoint = self.assignment.agent(name), self.assignment.endpoints[name]
        settings: dict[str, Any] = {}
        if spec.temperature is not None:
            settings["temperature"] = spec.temperature
        if tools:
            settings["parallel_tool_calls"] = spec.parallel_tool_calls and parallel
        if self.assignment.stream:
            settings["stream_options"] = {"include_usage": True}
        return Client(
            spec.tool_choice, model=spec.model, model_info=_MODEL_INFO,
            api_key=self.assignment.token, base_url=endpoint.model_base_url,
            http_client=self._http, timeout=None, **own_retries(self.assignment), **settings,
        )

    def member(
        self, name: str, *, participant: str = "", handoffs: Sequence[Handoff] = (),
        colleagues: Sequence[BaseTool[Any, Any]] = (), works_for: str = "",
    ) -> Member:
        """Return agent `name`, called `participant` in its team.

        `colleagues` are its tools beside its own. The limit of one that `works_for` another is
        told to that one, and ends the trial otherwise.
        """
        spec = self.assignment.agent(name)
        session = self._sessions.open.get(name)
        benches: list[Any] = [] if session is None else [session]
        if colleagues:
            benches.append(StaticStreamWorkbench([*colleagues]))
        client = self.client(
            name, tools=bool(benches or handoffs), parallel=not colleagues,
        )
        return Member(
            participant or name, client, workbench=benches or None, handoffs=[*handoffs] or None,
            description=f"{spec.role}: {spec.goal}", system_message=spec.instructions,
            max_tool_iterations=spec.max_turns, reflect_on_tool_use=False,
            tool_call_summary_formatter=self._on_limit(spec, works_for),
            model_client_stream=self.assignment.stream,
        )

    def _on_limit(self, spec: AgentSpec, works_for: str) -> Any:
        """Return what AutoGen calls to make its last words of a tool's result: at the limit."""
        def stop(*_: Any) -> str:
            if works_for:
                raise WorkerStopped(
                    f"Error: {spec.name} reached its limit of {spec.max_turns} model calls without"
                    " an answer."
                )
            self.overran.append(spec.name)
            return ""

        return stop
