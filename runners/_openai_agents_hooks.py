"""What the SDK's run hooks tell of a team, and the limits that they keep.

One object stays with a team, as its agents and tools do; what it tells, and to whom, is set for
each trial.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from openai.types.responses import ResponseFunctionToolCall

from agentdyno.core.event import Message, Step
from agentdyno.core.pattern import (
    Handoff,
    Parallel,
    Pattern,
    Reflection,
    Selector,
    Single,
    Supervisor,
)
from agentdyno.runners.telling import Teller
from agents import (
    Agent,
    AgentsException,
    ItemHelpers,
    MaxTurnsExceeded,
    ModelResponse,
    RunContextWrapper,
    RunHooks,
    Tool,
)

_NODES = ("pipeline", "parallel", "dag")
"""Patterns whose agents are places in a graph."""


class TooManyHandoffs(AgentsException):
    """Control was to pass once more than it may."""


class Hooks(RunHooks[None]):
    """Declares texts, nodes, delegations and handoffs of a team."""

    def __init__(self, pattern: Pattern, max_turns: Mapping[str, int]) -> None:
        """`max_turns` are the model calls that each agent may make in one activation."""
        self._pattern = pattern
        self._max_turns = max_turns
        self.tell = Teller(_nobody)
        self.handoffs: dict[tuple[str, str], str] = {}
        """Names of the tools that pass control, by who has it and who gets it."""
        self._passed = 0
        self._calls: Counter[str] = Counter()
        self._beside: dict[str, str] = {}

    def begin(self, tell: Teller) -> None:
        """Turn to another trial."""
        self.tell = tell

    def begin_turn(self) -> None:
        """Begin to count anew: what a user turn may take begins with it."""
        self._passed = 0
        self._calls.clear()

    async def on_agent_start(self, context: Any, agent: Any) -> None:
        """Declare a node."""
        if self._pattern.type in _NODES:
            self.tell.step("node", agent.name, agent=agent.name)

    async def on_agent_end(self, context: Any, agent: Any, output: Any) -> None:
        """Declare a finished text."""
        if self._speaks(agent.name):
            self.tell.said(agent.name, str(output), self._hearers(agent.name))

    async def on_llm_start(
        self, context: Any, agent: Any, system_prompt: Any, input_items: Any
    ) -> None:
        """Keep an agent's own limit where the SDK's counts the calls of all together."""
        if not isinstance(self._pattern, Handoff):
            return
        self._calls[agent.name] += 1
        most = self._max_turns[agent.name]
        if self._calls[agent.name] > most:
            raise MaxTurnsExceeded(f"Max turns ({most}) of {agent.name} exceeded")

    async def on_llm_end(self, context: Any, agent: Any, response: ModelResponse) -> None:
        """Remember the text beside tool calls: with a handoff it is the agent's last word."""
        if any(isinstance(item, ResponseFunctionToolCall) for item in response.output):
            texts = (ItemHelpers.extract_text(item) for item in response.output)
            self._beside[agent.name] = "".join(filter(None, texts))

    async def on_handoff(self, context: Any, from_agent: Any, to_agent: Any) -> None:
        """Declare a handoff, or refuse it.

        Raises:
            TooManyHandoffs: it is one more than a user turn may have.
        """
        assert isinstance(self._pattern, Handoff)
        source, target = from_agent.name, to_agent.name
        beside = self._beside.pop(source, "")
        if beside:
            self.tell.said(source, beside)
        self._passed += 1
        self._calls[target] = 0
        if self._passed > self._pattern.max_handoffs:
            self.tell.step("stopped", "max_handoffs")
            raise TooManyHandoffs(f"more than {self._pattern.max_handoffs} handoffs")
        self.tell.step("handoff", self.handoffs[source, target], agent=source, to=target)

    async def on_tool_start(
        self, context: RunContextWrapper[None], agent: Agent[None], tool: Tool
    ) -> None:
        """Declare a delegation."""
        if self._is_delegation(agent, tool):
            arguments = getattr(context, "tool_arguments", "")
            self.tell.step("delegated", _task(arguments), agent=agent.name, to=tool.name)

    async def on_tool_end(
        self, context: RunContextWrapper[None], agent: Agent[None], tool: Tool, result: object
    ) -> None:
        """Declare that a worker's result, or failure, came back."""
        if self._is_delegation(agent, tool):
            self.tell.step("returned", "", agent=tool.name, to=agent.name)

    def _speaks(self, agent: str) -> bool:
        """Whether a text of `agent` is a message: not where there is no team, nor a choice."""
        pattern = self._pattern
        return not isinstance(pattern, Single) and not (
            isinstance(pattern, Selector) and agent == pattern.selector
        )

    def _is_delegation(self, agent: Agent[None], tool: Tool) -> bool:
        pattern = self._pattern
        return (
            isinstance(pattern, Supervisor)
            and agent.name == pattern.manager and tool.name in pattern.workers
        )

    def _hearers(self, agent: str) -> tuple[str, ...]:
        """Return for whom an agent's text is; everybody when empty."""
        match self._pattern:
            case Supervisor(manager=manager) if agent != manager:
                return (manager,)
            case Reflection(writer=writer, critic=critic):
                return (critic if agent == writer else writer,)
            case Parallel(synthesizer=synthesizer) if agent != synthesizer:
                return (synthesizer,)
        return ()


def _task(arguments: str) -> str:
    """Return the task of a delegation; the arguments as they stand when they are no such JSON."""
    try:
        given = json.loads(arguments)
    except json.JSONDecodeError:
        return arguments
    task = given.get("input") if isinstance(given, dict) else None
    return task if isinstance(task, str) else arguments


def _nobody(event: Message | Step) -> None:
    raise RuntimeError(f"{event!r} was declared before a trial began")
