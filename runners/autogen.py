"""AutoGen AgentChat 0.7.5 on openai 3.52 and mcp 1.30. Each agent keeps a model context of its own.

Who sees what, as AutoGen documents it; a message of another agent is a user message with its name.
single       `AssistantAgent`: the whole conversation, also between user turns.
pipeline     `GraphFlow`, a chain: the task and the texts of all before; no tool calls of others.
round_robin  `RoundRobinGroupChat`: the task and every text so far; no tool calls of others.
selector     `SelectorGroupChat`: speakers as in round_robin; the selector's instructions, then
             AutoGen's own prompt, with roles, candidates and all texts by name, in one message.
             No call is made where one candidate is left; after three answers that name nobody
             AutoGen takes the previous or the first speaker, and the step says so.
supervisor   `AgentTool` for each worker: a worker sees its tasks and its own earlier work, never
             the user's words or its colleagues; the manager sees `worker: text` as tool result.
handoff      `Swarm`: the task, every handoff, the text beside it and what else the agent did in
             that same model turn; no earlier tool calls of others. The active agent persists.
reflection   `RoundRobinGroupChat` of two: writer and critic see the task and each other's texts.
parallel     `GraphFlow`: agents see the task only; the synthesizer the task and every text, by
             name, in the pattern's order (`MessageFilterAgent`).
dag          `GraphFlow`: everybody hears everything said before its turn, also in other branches;
             texts said side by side stand in the order in which they came. Branches go in step:
             the next agents start when all that work now are done.

Quirks held by tests:
- `McpWorkbench` needs mcp 1: it imports names that mcp 2 dropped.
- At its limit an agent answers with the raw tool text, as a ToolCallSummaryMessage: that is no
  answer, and a team must not go on with it. An AgentTool would return it as the worker's result.
- `AssistantAgent` has no setting for tool_choice, but its model client is given each call's
  options: a client that overrides one of them is the documented extension point.
- The workbench lists its tools before every model call and every tool call, links a coroutine
  where a cancellation token expects a future (cancelling then raises AttributeError), and leaves
  a callback in `atexit` for ever. Its session is pooled; what has state is made for each trial.
- A cancelled team waits for the model call in flight unless its token is cancelled, and a
  cancelled tool call leaves its agent waiting for ever unless the workbench still answers.
- A team reports an agent's exception as a RuntimeError that quotes it.
- Of agents that work side by side a termination condition is shown the last one's messages only,
  and a TextMentionTermination looks into tool calls and results too.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.pattern import Selector, Supervisor
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Answer, Assignment, Setting, Usage
from agentdyno.runners._autogen_patterns import TEAMWORK
from agentdyno.runners.base import Emit, Support
from agentdyno.runners.parity import Deviations, parity_rows
from agentdyno.runners.teams import TeamPool
from agentdyno.runners.telling import Teller
from agentdyno.runners.turns import Turns

try:
    from autogen_agentchat.base import TaskResult
    from autogen_core import CancellationToken
    from openai import DefaultAsyncHttpxClient

    from agentdyno.runners._autogen_chat import (
        ATTEMPTS,
        ReflectionPlay,
        RoundRobinPlay,
        SelectorPlay,
    )
    from agentdyno.runners._autogen_crew import Crew
    from agentdyno.runners._autogen_graph import DagPlay, ParallelPlay, PipelinePlay
    from agentdyno.runners._autogen_manager import SinglePlay, SupervisorPlay
    from agentdyno.runners._autogen_parts import Sessions
    from agentdyno.runners._autogen_play import Play
    from agentdyno.runners._autogen_swarm import HandoffPlay
except ImportError as error:
    raise EnvironmentFault(
        f"the runner autogen needs packages that this Python does not have: {error}.",
        "agentdyno env sync autogen",
    ) from error

# The runtime logs each exception of an agent with its traceback, and then raises it.
logging.getLogger("autogen_core").setLevel(logging.CRITICAL)

_PLAYS: dict[str, Callable[[Crew, Any], Play]] = {
    "single": SinglePlay, "pipeline": PipelinePlay, "round_robin": RoundRobinPlay,
    "selector": SelectorPlay, "supervisor": SupervisorPlay, "handoff": HandoffPlay,
    "reflection": ReflectionPlay, "parallel": ParallelPlay, "dag": DagPlay,
}


class _Trial:
    """Drives one team over the user's turns and gathers what it says."""

    def __init__(self, assignment: Assignment, emit: Emit, turns: Turns) -> None:
        self._assignment = assignment
        self._tell = Teller(emit)
        self._turns = turns
        self._used: list[Any] = []
        self.token = CancellationToken()

    async def drive(self, pool: TeamPool[Sessions], http: DefaultAsyncHttpxClient) -> Answer:
        async with pool.lease(self._assignment) as sessions:
            crew = Crew(self._assignment, sessions, http, self._tell)
            play = _PLAYS[self._assignment.pattern.type](crew, self._assignment.pattern)
            async for turn in self._turns:
                result = await self._turn(play, turn)
                if crew.overran:
                    limit = "ToolCallSummaryMessage: max_tool_iterations was reached"
                    return self._answer(play, limit)
                limit = play.limit(result)
                if limit:
                    return self._answer(play, limit)
                self._turns.answered(play.answer(result))
        return self._answer(play)

    async def _turn(self, play: Play, turn: str) -> TaskResult:
        async for item in play.team.run_stream(task=turn, cancellation_token=self.token):
            if not isinstance(item, TaskResult):
                play.hear(item)
        if not isinstance(item, TaskResult):
            raise RuntimeError(f"AutoGen's run_stream ended with {item!r}, not with a TaskResult")
        self._used += [message.models_usage for message in item.messages if message.models_usage]
        return item

    def _answer(self, play: Play, limit: str = "") -> Answer:
        unseen = play.unseen
        used = [*self._used, *([unseen] if unseen else [])]
        usage = Usage(
            requests=None if unseen else len(used),
            prompt_tokens=sum(use.prompt_tokens for use in used),
            completion_tokens=sum(use.completion_tokens for use in used),
        )
        return Answer(
            texts=self._turns.answers, usage=usage, stopped_by_limit=bool(limit), note=limit
        )


def _deviations(assignment: Assignment) -> Callable[[AgentSpec], Deviations]:
    """Return what a pattern's own class changes in the settings of one of its agents."""
    pattern = assignment.pattern

    def rows(spec: AgentSpec) -> Deviations:
        if isinstance(pattern, Supervisor) and spec.name == pattern.manager:
            return {"parallel_tool_calls": (
                False, "an AgentTool keeps state, and must not run twice at a time",
            )}
        if isinstance(pattern, Selector) and spec.name == pattern.selector:
            return {"max_turns": (
                min(ATTEMPTS, spec.max_turns), "SelectorGroupChat's attempts for one choice",
            )}
        return {}

    return rows


def _team_rows(assignment: Assignment) -> tuple[Setting, ...]:
    if not isinstance(assignment.pattern, Selector):
        return ()
    return (Setting(
        name="selector_prompt", requested="instructions",
        effective="instructions, then SelectorGroupChat's own prompt, as a user message",
        note="the class takes a prompt with the conversation in it, and no system message",
    ),)


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
        """Return requested and effective settings; only a coordinator's may differ."""
        return parity_rows(assignment, _deviations(assignment), _team_rows(assignment))

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
