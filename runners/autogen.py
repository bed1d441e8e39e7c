"""AutoGen AgentChat 0.7.5 on openai 3.52 and mcp 1.30.

single    `AssistantAgent`, whose model context keeps the conversation between user turns.
pipeline  native: `GraphFlow` over a `DiGraphBuilder` chain; its agents keep their contexts too.

Quirks held by tests:
- `McpWorkbench` needs mcp 1: it imports names that mcp 2 dropped.
- At its limit an agent answers with the raw tool text, as a ToolCallSummaryMessage: that is no
  answer, and a pipeline must not go on with it.
- `AssistantAgent` has no setting for tool_choice, but its model client is given each call's
  options: a client that overrides one of them is the documented extension point.
- The workbench lists its tools before every model call and every tool call, links a coroutine
  where a cancellation token expects a future (cancelling then raises AttributeError), and leaves
  a callback in `atexit` for ever. Its session is pooled; what has state is made for each trial.
- A cancelled team waits for the model call in flight unless its token is cancelled, and a
  cancelled tool call leaves its agent waiting for ever unless the workbench still answers.
- A team reports an agent's exception as a RuntimeError that quotes it.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.event import Message
from agentdyno.core.pattern import Pipeline, Single
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Answer, Assignment, Setting, Usage
from agentdyno.runners._autogen_patterns import TEAMWORK
from agentdyno.runners.base import Emit, Support
from agentdyno.runners.parity import own_retries, parity_rows
from agentdyno.runners.teams import TeamPool, steps_of
from agentdyno.runners.turns import Turns

try:
    from autogen_agentchat.agents import AssistantAgent
    from autogen_agentchat.base import TaskResult
    from autogen_agentchat.conditions import FunctionalTermination
    from autogen_agentchat.messages import TextMessage, ToolCallSummaryMessage
    from autogen_agentchat.teams import DiGraphBuilder, GraphFlow
    from autogen_core import CancellationToken
    from autogen_core.models import ModelInfo
    from openai import DefaultAsyncHttpxClient

    from agentdyno.runners._autogen_parts import Client, Sessions
except ImportError as error:
    raise EnvironmentFault(
        f"the runner autogen needs packages that this Python does not have: {error}.",
        "agentdyno env sync autogen",
    ) from error

if TYPE_CHECKING:
    from agentdyno.runners._autogen_tools import Workbench

# The runtime logs each exception of an agent with its traceback, and then raises it.
logging.getLogger("autogen_core").setLevel(logging.CRITICAL)

_MODEL_INFO: ModelInfo = {
    "vision": False, "function_calling": True, "json_output": True, "structured_output": True,
    "family": "unknown", "multiple_system_messages": True,
}
"""Required for any name that is not OpenAI's own; the family decides how messages are rewritten."""


def _model(
    assignment: Assignment, spec: AgentSpec, http: DefaultAsyncHttpxClient
) -> Client:
    endpoint = assignment.endpoints[spec.name]
    settings: dict[str, Any] = {}
    if spec.temperature is not None:
        settings["temperature"] = spec.temperature
    if endpoint.mcp_url is not None:
        settings["parallel_tool_calls"] = spec.parallel_tool_calls
    if assignment.stream:
        settings["stream_options"] = {"include_usage": True}
    return Client(
        spec.tool_choice, model=spec.model, model_info=_MODEL_INFO, api_key=assignment.token,
        base_url=endpoint.model_base_url, http_client=http, timeout=None,
        **own_retries(assignment), **settings,
    )


def _tools(sessions: Sessions, name: str) -> "list[Workbench] | None":
    return [sessions.open[name]] if name in sessions.open else None


def _agent(
    assignment: Assignment,
    spec: AgentSpec,
    participant: str,
    model: Client,
    tools: "list[Workbench] | None",
) -> AssistantAgent:
    return AssistantAgent(
        participant, model, workbench=tools,
        description=f"{spec.role}: {spec.goal}", system_message=spec.instructions,
        max_tool_iterations=spec.max_turns, reflect_on_tool_use=False,
        model_client_stream=assignment.stream,
    )


def _participants(pattern: Single | Pipeline) -> dict[str, str]:
    """Return agent names by participant; participants are unique, a pipeline's steps need not."""
    steps = steps_of(pattern)
    return {
        step if step not in steps[:index] else f"{step}_{index + 1}": step
        for index, step in enumerate(steps)
    }


def _chain(agents: Sequence[AssistantAgent]) -> GraphFlow:
    builder = DiGraphBuilder()
    for agent in agents:
        builder.add_node(agent)
    for source, target in pairwise(agents):
        builder.add_edge(source, target)
    return GraphFlow(
        participants=list(agents), graph=builder.build(),
        termination_condition=FunctionalTermination(_overran),
    )


def _overran(messages: Sequence[Any]) -> bool:
    return any(isinstance(message, ToolCallSummaryMessage) for message in messages)


def _team(
    assignment: Assignment, sessions: Sessions, http: DefaultAsyncHttpxClient
) -> AssistantAgent | GraphFlow:
    agents = []
    for participant, name in _participants(assignment.pattern).items():
        spec = assignment.agent(name)
        model = _model(assignment, spec, http)
        agents.append(_agent(assignment, spec, participant, model, _tools(sessions, name)))
    return agents[0] if isinstance(assignment.pattern, Single) else _chain(agents)


class _Trial:
    """Drives one team over the user's turns and gathers what it says."""

    def __init__(self, assignment: Assignment, emit: Emit, turns: Turns) -> None:
        self._assignment = assignment
        self._emit = emit
        self._turns = turns
        self._agents = _participants(assignment.pattern)
        self._zero = time.perf_counter()
        self._said_s = 0.0
        self._used: list[Any] = []
        self.token = CancellationToken()

    async def drive(self, pool: TeamPool[Sessions], http: DefaultAsyncHttpxClient) -> Answer:
        async with pool.lease(self._assignment) as sessions:
            team = _team(self._assignment, sessions, http)
            async for turn in self._turns:
                result = await self._turn(team, turn)
                if _overran(result.messages):
                    return self._answer("ToolCallSummaryMessage: max_tool_iterations was reached")
                self._turns.answered(result.messages[-1].to_text())
        return self._answer()

    async def _turn(self, team: AssistantAgent | GraphFlow, turn: str) -> TaskResult:
        async for item in team.run_stream(task=turn, cancellation_token=self.token):
            if isinstance(item, TextMessage) and isinstance(team, GraphFlow):
                self._say(item)
        if not isinstance(item, TaskResult):
            raise RuntimeError(f"AutoGen's run_stream ended with {item!r}, not with a TaskResult")
        self._used += [message.models_usage for message in item.messages if message.models_usage]
        return item

    def _say(self, message: TextMessage) -> None:
        if message.source not in self._agents:
            return
        agent, started_s = self._agents[message.source], self._said_s
        self._said_s = time.perf_counter() - self._zero
        self._emit(Message(
            agent=agent, started_s=started_s, ended_s=self._said_s, text=message.content
        ))

    def _answer(self, limit: str = "") -> Answer:
        usage = Usage(
            requests=len(self._used),
            prompt_tokens=sum(used.prompt_tokens for used in self._used),
            completion_tokens=sum(used.completion_tokens for used in self._used),
        )
        return Answer(
            texts=self._turns.answers, usage=usage, stopped_by_limit=bool(limit), note=limit
        )


class AutoGenRunner:
    """Runs teams of AssistantAgents."""

    name: ClassVar[str] = "autogen"
    packages: ClassVar[tuple[str, ...]] = (
        "autogen-agentchat", "autogen-core", "autogen-ext", "openai", "mcp",
    )
    patterns: ClassVar[Mapping[str, Support]] = TEAMWORK.patterns

    def __init__(self) -> None:
        self._http: DefaultAsyncHttpxClient | None = None
        self._sessions = TeamPool(self._build)

    def parity(self, assignment: Assignment) -> tuple[Setting, ...]:
        """Return requested and effective settings; all can be given as requested."""
        return parity_rows(assignment)

    async def run(self, assignment: Assignment, emit: Emit, turns: Turns) -> Answer:
        """Drive the team; a cancellation is told to AutoGen's token before anything waits."""
        trial = _Trial(assignment, emit, turns)
        work = asyncio.create_task(trial.drive(self._sessions, self._shared()))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            trial.token.cancel()
            work.cancel()
            await asyncio.wait((work,))
            raise

    async def close(self) -> None:
        """Close idle sessions and the HTTP client that all model clients share."""
        await self._sessions.close()
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def _build(self, assignment: Assignment) -> Sessions:
        return Sessions()

    def _shared(self) -> DefaultAsyncHttpxClient:
        self._http = self._http or DefaultAsyncHttpxClient()
        return self._http
