"""CrewAI; tried with 1.15.30 (mcp 1.30) and 1.14.3 (mcp 1.26), both on openai 2.54: what they do
differently is in `_crewai_versions.py` alone, and in the parity manifest.

How each pattern is built, and who sees what of the others:

single       `Agent.kickoff_async`, given the messages of the user turns before.
pipeline     `Crew`, `Process.sequential`: the task, and the texts of all steps before, unsigned.
supervisor   `Crew`, `Process.hierarchical`, `manager_agent`: a worker sees the task and the context
             that the manager wrote for it and nothing else, not even its own work on an earlier
             one; the manager sees the text of whom it asked, or CrewAI's words for its failure.
parallel     `Crew`, tasks with `async_execution`: the task alone; the synthesizer sees it and all
             texts in the pattern's order, and is told whose they are.
round_robin  `Flow`: the task and all that was said, each text a user message `NAME: text`.
selector     `Flow`: speakers as in round_robin; the selector sees task and texts as one question.
handoff      `Flow`: all that the user and the others said, with the words of each handoff.
reflection   `Flow`: both see the task and each other's texts.
dag          `Flow`: the task and the texts of all agents on the ways that lead here; agents of
             parallel branches never see each other.

A crew keeps nothing between user turns, so the conversation goes into the task as CrewAI's own chat
puts it. In a flow each agent keeps its own messages with its tool calls, which no other one sees;
one that is to speak again before anybody else is told "Go on.".

Quirks held by tests:
- `mcps=` opens a session for each call, names tools after the URL and sleeps 0.1 s at each
  disconnect: tools come from one session for each agent instead, described as CrewAI would.
- Model calls block threads of the loop's default executor (6 on 2 cores): it is made larger.
- After `max_iter` rounds CrewAI forces an answer with one call more: the model client refuses it.
- `max_retries=0` leaves two loops of retries: around each call, and `max_retry_limit` of a task.
- Every tool schema becomes strict on the wire (all properties required and nullable, defaults
  dropped) and every tool name snake_case; arguments are passed on as the model wrote them.
- The cache answers identical tool calls itself unless it is off.
- A model name that contains `o1` would lose its tools; `is_o1_model` is set back.
- The same call with the same result five times over ends the trial with ToolExecutionFailedError,
  and so does an empty answer with a ValueError: both are CrewAI's.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.trial import Answer, Assignment, Setting
from agentdyno.runners._crewai_patterns import TEAMWORK
from agentdyno.runners.base import Emit, Support
from agentdyno.runners.teams import TeamPool
from agentdyno.runners.telling import Teller
from agentdyno.runners.turns import Turns

try:
    from openai import DefaultAsyncHttpxClient

    from agentdyno.runners._crewai_chats import RoundRobinChat, SelectorChat
    from agentdyno.runners._crewai_crews import ParallelCrew, PipelineCrew, SupervisorCrew
    from agentdyno.runners._crewai_dag import DagTeam
    from agentdyno.runners._crewai_handoff import HandoffTeam
    from agentdyno.runners._crewai_parity import parity
    from agentdyno.runners._crewai_parts import Scope, Sessions, TurnLimitReached, silence
    from agentdyno.runners._crewai_reflection import ReflectionTeam
    from agentdyno.runners._crewai_single import SingleAgent
    from agentdyno.runners._crewai_staff import PatternLimitReached, Play, Staff, Stage
except ImportError as error:
    raise EnvironmentFault(
        f"the runner crewai needs packages that this Python does not have: {error}.",
        "agentdyno env sync crewai",
    ) from error

_PLAYS: dict[str, Callable[[Stage, Any], Play]] = {
    "single": SingleAgent, "pipeline": PipelineCrew, "round_robin": RoundRobinChat,
    "selector": SelectorChat, "supervisor": SupervisorCrew, "handoff": HandoffTeam,
    "reflection": ReflectionTeam, "parallel": ParallelCrew, "dag": DagTeam,
}
_THREADS = 256
"""Each model call waits in one: agents side by side, times trials side by side. They are made as
they are needed; tools of a turn have threads of their own."""
_SETTLE_S = 2.0
"""Seconds that CrewAI's threads get to notice a cancellation."""


class _Trial:
    """The team of one trial, driven over the user's turns."""

    def __init__(self, assignment: Assignment, emit: Emit, turns: Turns) -> None:
        self._assignment = assignment
        self._teller = Teller(emit)
        self._turns = turns
        self.scope = Scope()

    async def drive(self, pool: TeamPool[Sessions], http: DefaultAsyncHttpxClient) -> Answer:
        note = ""
        async with pool.lease(self._assignment) as sessions:
            staff = Staff(self._assignment, sessions, http, self.scope)
            pattern = self._assignment.pattern
            play = _PLAYS[pattern.type](Stage(staff=staff, teller=self._teller), pattern)
            try:
                async for turn in self._turns:
                    self._turns.answered(await play.ask(turn))
            except TurnLimitReached as limit:
                note = f"{limit}, and CrewAI went on to force an answer"
            except PatternLimitReached as limit:
                note = str(limit)
            finally:
                # Agents that worked beside the one that ended the trial still do.
                await self.scope.close()
        return Answer(
            texts=self._turns.answers, usage=staff.usage(), stopped_by_limit=bool(note), note=note
        )


class CrewAIRunner:
    """Runs teams of CrewAI agents."""

    name: ClassVar[str] = "crewai"
    packages: ClassVar[tuple[str, ...]] = ("crewai", "openai", "mcp")
    patterns: ClassVar[Mapping[str, Support]] = TEAMWORK.patterns

    def __init__(self) -> None:
        self._http: DefaultAsyncHttpxClient | None = None
        self._sessions = TeamPool(self._build)
        silence()

    def parity(self, assignment: Assignment) -> tuple[Setting, ...]:
        """Return requested and effective settings."""
        return parity(assignment)

    async def run(self, assignment: Assignment, emit: Emit, turns: Turns) -> Answer:
        """Drive the team; a cancellation closes the scope, so that CrewAI's threads come back."""
        trial = _Trial(assignment, emit, turns)
        work = asyncio.create_task(trial.drive(self._sessions, self._shared()))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await trial.scope.close()
            if turns.waiting:
                work.cancel()
            _, late = await asyncio.wait((work,), timeout=_SETTLE_S)
            if late:
                work.cancel()
                await asyncio.wait(late)
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
        if self._http is None:
            self._http = DefaultAsyncHttpxClient()
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
        return self._http
