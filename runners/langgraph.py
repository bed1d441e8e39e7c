"""LangGraph 1.2 with LangChain 1.4 agents, langgraph-supervisor, langgraph-swarm and
langchain-mcp-adapters 0.3.

single    `create_agent`; the state's messages are carried from one user turn to the next.
pipeline, reflection, parallel  `StateGraph`, see `_langgraph_graphs.py`.
round_robin, selector           composed of `StateGraph`, see `_langgraph_chat.py`.
supervisor  `create_supervisor`, see `_langgraph_supervisor.py`.
handoff     `create_swarm`, see `_langgraph_swarm.py`; its state is carried between user turns.
dag         `StateGraph`, edge by edge, see `_langgraph_dag.py`.

Quirks held by the contract tests:
- A graph counts supersteps, not model calls: 2N of them are exactly N calls with their tools, and
  the next one raises GraphRecursionError. Each node gives its own agent's limit.
- Agents of a graph share one list of messages: each sees the tool calls of those before it too.
- `ChatOpenAI` also builds a synchronous client, with an SSL context of its own, unless given one.
- A model's name that begins with "gpt-5" makes `ChatOpenAI` drop the temperature.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.pattern import (
    Dag,
    Handoff,
    Parallel,
    Pattern,
    Pipeline,
    Reflection,
    RoundRobin,
    Selector,
    Single,
    Supervisor,
    pattern_agents,
)
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Answer, Assignment, Setting, Usage
from agentdyno.runners._langgraph_patterns import TEAMWORK
from agentdyno.runners.base import Emit, Support
from agentdyno.runners.parity import Deviations, parity_rows
from agentdyno.runners.teams import TeamPool
from agentdyno.runners.telling import Teller
from agentdyno.runners.turns import Turns

try:
    import httpx2
    from langchain.agents import create_agent
    from langchain.agents.middleware.model_call_limit import ModelCallLimitExceededError
    from langchain_core.callbacks import UsageMetadataCallbackHandler
    from langchain_core.messages import HumanMessage
    from langchain_openai import ChatOpenAI
    from langgraph.errors import GraphRecursionError

    from agentdyno.runners._langgraph_chat import PROMPT, round_robin, selector
    from agentdyno.runners._langgraph_dag import dag
    from agentdyno.runners._langgraph_graphs import COLLECTED, parallel, pipeline, reflection
    from agentdyno.runners._langgraph_parts import (
        UNBOUNDED,
        Play,
        Seat,
        SessionDoor,
        bind_seat,
        chat_model,
        turn_limit,
    )
    from agentdyno.runners._langgraph_supervisor import supervisor
    from agentdyno.runners._langgraph_swarm import HandoffLimit, swarm, swarm_agent
except ImportError as error:
    raise EnvironmentFault(
        f"the runner langgraph needs packages that this Python does not have: {error}.",
        "agentdyno env sync langgraph",
    ) from error

_LIMITS = (GraphRecursionError, ModelCallLimitExceededError, HandoffLimit)
"""What is raised when a limit of turns is met."""


def _graph(seats: dict[str, Seat], pattern: Pattern) -> Any:
    match pattern:
        case Single(agent=agent):
            return seats[agent].agent
        case Pipeline():
            return pipeline(seats, pattern)
        case RoundRobin():
            return round_robin(seats, pattern)
        case Selector():
            return selector(seats, pattern)
        case Supervisor():
            return supervisor(seats, pattern)
        case Handoff():
            return swarm(seats, pattern)
        case Reflection():
            return reflection(seats, pattern)
        case Parallel():
            return parallel(seats, pattern)
        case Dag():
            return dag(seats, pattern)


class _Team:
    """The agents of a pattern; the graph that they form is compiled anew when tools change."""

    def __init__(self, seats: dict[str, Seat], pattern: Pattern) -> None:
        self._seats = seats
        self._pattern = pattern
        self._compiled: Any = None
        self._config: dict[str, Any] = UNBOUNDED
        if isinstance(pattern, Single):
            self._config = turn_limit(seats[pattern.agent].spec)

    async def bind(self, assignment: Assignment) -> None:
        for seat in self._seats.values():
            if await bind_seat(seat, assignment):
                seat.agent, self._compiled = self._agent(seat), None
        self._compiled = self._compiled or _graph(self._seats, self._pattern)

    async def close(self) -> None:
        for seat in self._seats.values():
            if seat.held:
                await seat.held.close()

    def play(self, teller: Teller, kept: dict[str, Any]) -> Play:
        """Return the context of one user turn; `kept` is what the turns before left."""
        start = self._pattern.start if isinstance(self._pattern, Handoff) else ""
        return Play(teller=teller, active=kept.get("active_agent") or start)

    async def turn(self, state: dict[str, Any], play: Play, usage: Any) -> dict[str, Any]:
        """Run the graph on `state`; returns the state that it ends in."""
        result = await self._compiled.ainvoke(
            state, {"callbacks": [usage], **self._config}, context=play
        )
        return dict(result)

    def answer(self, state: dict[str, Any]) -> str:
        """Return what a state that a graph ended in says to the user."""
        if isinstance(self._pattern, Reflection):
            texts = [text for name, text in state["said"] if name == self._pattern.writer]
            return str(texts[-1])
        if "said" in state:
            return str(state["said"][-1][1])
        return str(state["messages"][-1].text)

    def _agent(self, seat: Seat) -> Any:
        if isinstance(self._pattern, Handoff):
            return swarm_agent(seat, self._pattern)
        spec = seat.spec
        return create_agent(
            seat.model, seat.tools, system_prompt=spec.instructions, name=spec.name
        )


class LangGraphRunner:
    """Runs teams as LangChain agents in LangGraph graphs."""

    name: ClassVar[str] = "langgraph"
    packages: ClassVar[tuple[str, ...]] = (
        "langgraph", "langchain", "langchain-core", "langchain-openai", "langchain-mcp-adapters",
        "langgraph-supervisor", "langgraph-swarm", "openai", "mcp",
    )
    patterns: ClassVar[Mapping[str, Support]] = TEAMWORK.patterns

    def __init__(self) -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
        self._http = httpx2.AsyncClient(timeout=None, limits=limits)
        self._teams = TeamPool(self._build)

    def parity(self, assignment: Assignment) -> tuple[Setting, ...]:
        """Return requested and effective settings."""
        pattern = assignment.pattern
        manager = pattern.manager if isinstance(pattern, Supervisor) else None
        return parity_rows(
            assignment, lambda spec: _deviations(spec, manager), _team_rows(pattern)
        )

    async def run(self, assignment: Assignment, emit: Emit, turns: Turns) -> Answer:
        """Invoke the graph once for each user turn, on the messages of the turns before it."""
        usage = UsageMetadataCallbackHandler()
        kept, note = dict[str, Any](messages=[]), ""
        teller = Teller(emit)
        async with self._teams.lease(assignment) as team:
            async for turn in turns:
                state = {**kept, "messages": [*kept["messages"], HumanMessage(turn)]}
                try:
                    ended = await team.turn(state, team.play(teller, kept), usage)
                except _LIMITS as error:
                    note = f"{type(error).__name__}: {str(error).splitlines()[0]}"
                    break
                kept = {key: ended[key] for key in ("messages", "active_agent") if key in ended}
                text = team.answer(ended)
                if isinstance(assignment.pattern, Supervisor):
                    teller.said(assignment.pattern.manager, text)
                turns.answered(text)
        found = usage.usage_metadata.values()
        spent = Usage(
            prompt_tokens=sum(tokens["input_tokens"] for tokens in found),
            completion_tokens=sum(tokens["output_tokens"] for tokens in found),
        )
        return Answer(texts=turns.answers, usage=spent, stopped_by_limit=bool(note), note=note)

    async def close(self) -> None:
        """Close idle teams and the shared HTTP client."""
        await self._teams.close()
        await self._http.aclose()

    async def _build(self, assignment: Assignment) -> _Team:
        seats = {}
        for name in pattern_agents(assignment.pattern):
            spec = assignment.agent(name)
            model = chat_model(assignment, spec, self._http)
            seats[name] = Seat(spec=spec, model=model, door=SessionDoor())
        return _Team(seats, assignment.pattern)


def _deviations(spec: AgentSpec, manager: str | None) -> Deviations:
    found: dict[str, tuple[Any, str]] = {}
    chat, asked = cast(Any, ChatOpenAI), {"model": spec.model, "temperature": spec.temperature}
    if "temperature" not in chat.validate_temperature(asked):
        found["temperature"] = (None, f"the name {spec.model!r} is that of a reasoning model")
    if spec.name == manager and spec.parallel_tool_calls:
        found["parallel_tool_calls"] = (
            False, "create_supervisor's default: one worker at a time, whose work it then sees",
        )
    return found


def _team_rows(pattern: Pattern) -> tuple[Setting, ...]:
    if isinstance(pattern, Parallel):
        return (Setting(
            name=f"{pattern.synthesizer}.prompt", requested="texts of the others",
            effective=COLLECTED, note="a message of a user for each, with the agent's name",
        ),)
    if isinstance(pattern, Selector):
        return (Setting(
            name=f"{pattern.selector}.prompt", requested="instructions",
            effective=f"instructions\n\n{PROMPT}",
            note="LangGraph has no prompt of its own for this; the answer is structured output",
        ),)
    return ()
