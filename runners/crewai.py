"""CrewAI; tried with 1.15.30 (mcp 1.30) and 1.14.3 (mcp 1.26), both on openai 2.54: what they do
differently is in `_crewai_versions.py` alone, and in the parity manifest.

single    `Agent.kickoff_async`, given the messages of the user turns before.
pipeline  native: `Crew` with `Process.sequential`, one task for each step; a crew keeps nothing
          between user turns, so the conversation goes into the task as CrewAI's own chat puts it.

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
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.event import Message
from agentdyno.core.pattern import Single
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Answer, Assignment, Setting, Usage
from agentdyno.runners._crewai_patterns import TEAMWORK
from agentdyno.runners.base import Emit, Support
from agentdyno.runners.parity import own_retries
from agentdyno.runners.teams import TeamPool, steps_of
from agentdyno.runners.turns import Turns

try:
    from crewai import Agent, Crew, Process, Task
    from openai import DefaultAsyncHttpxClient

    from agentdyno.runners import _crewai_versions as release
    from agentdyno.runners._crewai_parity import parity
    from agentdyno.runners._crewai_parts import (
        GatewayLLM,
        Scope,
        Sessions,
        TurnLimitReached,
        silence,
    )
except ImportError as error:
    raise EnvironmentFault(
        f"the runner crewai needs packages that this Python does not have: {error}.",
        "agentdyno env sync crewai",
    ) from error

if TYPE_CHECKING:
    from agentdyno.runners._crewai_tools import GatewayTool

_THREADS = 64
"""Each model call waits in one; tools of a turn have threads of their own."""
_SETTLE_S = 2.0
"""Seconds that CrewAI's threads get to notice a cancellation."""


def _model(
    assignment: Assignment, spec: AgentSpec, http: DefaultAsyncHttpxClient, scope: Scope
) -> GatewayLLM:
    endpoint = assignment.endpoints[spec.name]
    options = {"parallel_tool_calls": spec.parallel_tool_calls} if endpoint.mcp_url else {}
    model = GatewayLLM(
        **release.MODEL_OPTIONS, model=spec.model, base_url=endpoint.model_base_url,
        api_key=assignment.token, temperature=spec.temperature, stream=assignment.stream,
        timeout=None, additional_params=options, max_turns=spec.max_turns, http=http, scope=scope,
        as_shipped=assignment.retries == "as-shipped", **own_retries(assignment),
    )
    model.is_o1_model = False
    return model


def _tools(sessions: Sessions, scope: Scope) -> "dict[str, list[GatewayTool]]":
    if not sessions.open:
        return {}
    from agentdyno.runners._crewai_tools import gateway_tool

    return {
        name: [gateway_tool(tool, session, scope) for tool in listed]
        for name, (session, listed) in sessions.open.items()
    }


def _agent(spec: AgentSpec, model: GatewayLLM, tools: "Sequence[GatewayTool]") -> Agent:
    retries = {} if model.as_shipped else {"max_retry_limit": 0}
    return Agent(
        role=spec.role, goal=spec.goal, backstory=spec.instructions, llm=model, tools=list(tools),
        max_iter=spec.max_turns, cache=False, allow_delegation=False, verbose=False, **retries,
    )


class _Trial:
    """Agents of one trial, one for each step, driven over the user's turns."""

    def __init__(self, assignment: Assignment, emit: Emit, turns: Turns) -> None:
        self._assignment = assignment
        self._emit = emit
        self._turns = turns
        self._zero = time.perf_counter()
        self._said_s = 0.0
        self._steps = steps_of(assignment.pattern)
        self._models: list[GatewayLLM] = []
        self._agents: list[Any] = []
        self._messages: list[Any] = []
        self._chat: list[dict[str, str]] = []
        self.scope = Scope()

    async def drive(self, pool: TeamPool[Sessions], http: DefaultAsyncHttpxClient) -> Answer:
        ask = self._kickoff if isinstance(self._assignment.pattern, Single) else self._crew
        note = ""
        async with pool.lease(self._assignment) as sessions:
            self._hire(sessions, http)
            try:
                async for turn in self._turns:
                    for model in self._models:
                        model.begin()
                    self._turns.answered(await ask(turn))
            except TurnLimitReached as limit:
                note = f"{limit}, and CrewAI went on to force an answer"
        return Answer(
            texts=self._turns.answers, usage=self._usage(), stopped_by_limit=bool(note), note=note
        )

    def _hire(self, sessions: Sessions, http: DefaultAsyncHttpxClient) -> None:
        tools = _tools(sessions, self.scope)
        for name in self._steps:
            spec = self._assignment.agent(name)
            self._models.append(_model(self._assignment, spec, http, self.scope))
            self._agents.append(_agent(spec, self._models[-1], tools.get(name, [])))

    async def _kickoff(self, turn: str) -> str:
        request: Any = {"role": "user", "content": turn}
        output = await self._agents[0].kickoff_async([*self._messages, request])
        self._messages = release.carried(self._messages, request, output)
        return str(output.raw)

    async def _crew(self, turn: str) -> str:
        tasks = [
            self._task(name, agent, turn)
            for name, agent in zip(self._steps, self._agents, strict=True)
        ]
        crew = Crew(
            agents=self._agents, tasks=tasks, process=Process.sequential, cache=False,
            memory=False, verbose=False, tracing=False,
        )
        output: Any = await release.kickoff(crew)
        self._chat += [
            {"role": "user", "content": turn}, {"role": "assistant", "content": output.raw}
        ]
        return str(output.raw)

    def _task(self, name: str, agent: Agent, turn: str) -> Task:
        task = Task(
            description=turn, expected_output="The complete answer.", agent=agent,
            callback=lambda output: self._say(name, output.raw),
        )
        if self._chat:
            # The turn is a variable's value here, so that braces in it are only braces.
            task.description = "{turn}"
            task.interpolate_inputs_and_add_conversation_history(
                {"turn": turn, "crew_chat_messages": json.dumps(self._chat)}
            )
        return task

    def _say(self, agent: str, text: str) -> None:
        started_s, self._said_s = self._said_s, time.perf_counter() - self._zero
        self._emit(Message(agent=agent, started_s=started_s, ended_s=self._said_s, text=text))

    def _usage(self) -> Usage:
        sums = [model.get_token_usage_summary() for model in self._models]
        return Usage(
            requests=sum(one.successful_requests for one in sums),
            prompt_tokens=sum(one.prompt_tokens for one in sums),
            completion_tokens=sum(one.completion_tokens for one in sums),
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
