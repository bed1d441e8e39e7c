"""LangGraph 1.2 with LangChain 1.4 agents and langchain-mcp-adapters 0.3.

single    `create_agent`; the state's messages are carried from one user turn to the next.
pipeline  native: a `StateGraph(MessagesState)` with agents as nodes and the order as edges.

Quirks held by the contract tests:
- A graph counts supersteps, not model calls: 2N of them are exactly N calls with their tools, and
  the next one raises GraphRecursionError. Each node gives its own agent's limit.
- Agents of a pipeline share one list of messages: each sees the tool calls of those before it too.
- `ChatOpenAI` also builds a synchronous client, with an SSL context of its own, unless given one.
- A model's name that begins with "gpt-5" makes `ChatOpenAI` drop the temperature.
"""

import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.event import Message, Step
from agentdyno.core.pattern import Pipeline, Single, pattern_agents
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Answer, Assignment, Setting, Usage
from agentdyno.runners._langgraph_patterns import TEAMWORK
from agentdyno.runners.base import Emit, Support
from agentdyno.runners.parity import Deviations, own_retries, parity_rows
from agentdyno.runners.teams import Door, Held, TeamPool
from agentdyno.runners.turns import Turns

try:
    import httpx
    import httpx2
    from langchain.agents import create_agent
    from langchain_core.callbacks import UsageMetadataCallbackHandler
    from langchain_core.messages import HumanMessage
    from langchain_openai import ChatOpenAI
    from langgraph.errors import GraphRecursionError
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.runtime import Runtime
    from pydantic import SecretStr
except ImportError as error:
    raise EnvironmentFault(
        f"the runner langgraph needs packages that this Python does not have: {error}.",
        "agentdyno env sync langgraph",
    ) from error

if TYPE_CHECKING:
    from mcp import ClientSession

_UNUSED = httpx2.Client(transport=httpx2.MockTransport(lambda request: httpx2.Response(501)))
"""Given as the synchronous client, which no call uses; a real one would load certificates."""
_NO_DEADLINE_S = 86_400.0
"""A day: the trial's timeout ends a slow call, not the client's."""


class _Door(Door, httpx.Auth):
    """The door of one session."""


@dataclass(eq=False, kw_only=True)
class _Seat:
    """One agent of a team, with what it keeps between trials."""

    spec: AgentSpec
    model: ChatOpenAI
    door: _Door
    held: "Held[ClientSession] | None" = None
    session: "ClientSession | None" = None
    listed: Any = None
    agent: Any = None


@dataclass(eq=False, kw_only=True)
class _Trial:
    """What the nodes of a compiled graph are told about the trial that runs through them."""

    emit: Emit
    zero: float
    told: float = 0.0

    def tell(self, agent: str, text: str) -> None:
        now = time.perf_counter() - self.zero
        self.emit(Step(agent=agent, started_s=self.told, ended_s=now, name=f"node:{agent}"))
        self.emit(Message(agent=agent, started_s=now, ended_s=now, text=text))
        self.told = now


def _model(assignment: Assignment, spec: AgentSpec, http: httpx2.AsyncClient) -> ChatOpenAI:
    has_tools = bool(assignment.endpoints[spec.name].mcp_url)
    options: dict[str, Any] = {}
    if has_tools and spec.tool_choice != "auto":
        options["tool_choice"] = spec.tool_choice
    if has_tools and not spec.parallel_tool_calls:
        options["parallel_tool_calls"] = False
    return ChatOpenAI(
        model=spec.model, base_url="http://unbound/v1", api_key=SecretStr("unbound"),
        temperature=spec.temperature, timeout=None, streaming=assignment.stream,
        stream_usage=True, use_responses_api=False, model_kwargs=options,
        http_async_client=http, http_client=_UNUSED, **own_retries(assignment),
    )


async def _tools(seat: _Seat) -> list[Any] | None:
    """Return the tools that the agent must be built with, or null when it has them already."""
    if seat.session is None:
        return [] if seat.agent is None else None
    listed = await seat.session.list_tools()
    if listed == seat.listed:
        return None
    seat.listed = listed
    from langchain_mcp_adapters.tools import load_mcp_tools

    return await load_mcp_tools(seat.session)


def _agent(seat: _Seat, tools: list[Any]) -> Any:
    spec = seat.spec
    return create_agent(seat.model, tools, system_prompt=spec.instructions, name=spec.name)


def _graph(seats: dict[str, _Seat], pattern: Pipeline) -> Any:
    builder = StateGraph(MessagesState, context_schema=_Trial)
    previous = START
    for number, name in enumerate(pattern.steps):
        node = name if name not in pattern.steps[:number] else f"{name}_{number}"
        builder.add_node(node, _node(seats[name]))
        builder.add_edge(previous, node)
        previous = node
    return builder.compile()


def _node(seat: _Seat) -> Any:
    async def work(state: MessagesState, runtime: Runtime[_Trial]) -> Any:
        try:
            result = await seat.agent.ainvoke(state, _limit(seat.spec))
        except GraphRecursionError as error:
            raise GraphRecursionError(f"{seat.spec.name}: {error}") from error
        runtime.context.tell(seat.spec.name, result["messages"][-1].text)
        return result

    return work


def _limit(spec: AgentSpec) -> dict[str, Any]:
    return {"recursion_limit": 2 * spec.max_turns}


def _session(url: str, door: _Door) -> "AbstractAsyncContextManager[ClientSession]":
    # Dear to import, so only a team with tools pays for it.
    from langchain_mcp_adapters.client import MultiServerMCPClient

    return MultiServerMCPClient({"gateway": {
        "transport": "streamable_http", "url": url, "auth": door,
        "timeout": _NO_DEADLINE_S, "sse_read_timeout": _NO_DEADLINE_S,
    }}).session("gateway")


class _Team:
    """The agents of a pattern; the graph that they form is compiled anew when tools change."""

    def __init__(self, seats: dict[str, _Seat], pattern: Single | Pipeline) -> None:
        self._seats = seats
        self._pattern = pattern
        self._compiled: Any = None

    async def bind(self, assignment: Assignment) -> None:
        for name, seat in self._seats.items():
            endpoint = assignment.endpoints[name]
            client = seat.model.root_async_client
            client.base_url, client.api_key = endpoint.model_base_url, assignment.token
            if endpoint.mcp_url:
                seat.door.url, seat.door.token = endpoint.mcp_url, assignment.token
                if seat.held is None:
                    seat.held = Held(_session(endpoint.mcp_url, seat.door))
                    seat.session = await seat.held.open()
            tools = await _tools(seat)
            if tools is not None:
                seat.agent, self._compiled = _agent(seat, tools), None

    async def close(self) -> None:
        for seat in self._seats.values():
            if seat.held:
                await seat.held.close()

    async def turn(self, messages: list[Any], trial: _Trial, usage: Any) -> list[Any]:
        config: dict[str, Any] = {"callbacks": [usage]}
        if isinstance(self._pattern, Single):
            seat = self._seats[self._pattern.agent]
            config |= _limit(seat.spec)
            result = await seat.agent.ainvoke({"messages": messages}, config)
        else:
            self._compiled = self._compiled or _graph(self._seats, self._pattern)
            result = await self._compiled.ainvoke({"messages": messages}, config, context=trial)
        return list(result["messages"])


class LangGraphRunner:
    """Runs teams as LangChain agents in LangGraph graphs."""

    name: ClassVar[str] = "langgraph"
    packages: ClassVar[tuple[str, ...]] = (
        "langgraph", "langchain", "langchain-core", "langchain-openai", "langchain-mcp-adapters",
        "openai", "mcp",
    )
    patterns: ClassVar[Mapping[str, Support]] = TEAMWORK.patterns

    def __init__(self) -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
        self._http = httpx2.AsyncClient(timeout=None, limits=limits)
        self._teams = TeamPool(self._build)

    def parity(self, assignment: Assignment) -> tuple[Setting, ...]:
        """Return requested and effective settings."""
        return parity_rows(assignment, _deviations)

    async def run(self, assignment: Assignment, emit: Emit, turns: Turns) -> Answer:
        """Invoke the graph once for each user turn, on the messages of the turns before it."""
        usage = UsageMetadataCallbackHandler()
        trial = _Trial(emit=emit, zero=time.perf_counter())
        messages, note = list[Any](), ""
        async with self._teams.lease(assignment) as team:
            async for turn in turns:
                try:
                    messages = await team.turn([*messages, HumanMessage(turn)], trial, usage)
                except GraphRecursionError as error:
                    note = f"GraphRecursionError: {str(error).splitlines()[0]}"
                    break
                turns.answered(messages[-1].text)
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
            model = _model(assignment, spec, self._http)
            seats[name] = _Seat(spec=spec, model=model, door=_Door())
        return _Team(seats, assignment.pattern)


def _deviations(spec: AgentSpec) -> Deviations:
    chat, asked = cast(Any, ChatOpenAI), {"model": spec.model, "temperature": spec.temperature}
    if "temperature" in chat.validate_temperature(asked):
        return {}
    return {"temperature": (None, f"the name {spec.model!r} is that of a reasoning model")}
