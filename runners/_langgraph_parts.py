"""What a LangGraph team is made of: its agents' models and sessions, and what passes through it."""

import operator
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import httpx2
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_openai import ChatOpenAI
from langgraph.errors import GraphRecursionError
from langgraph.graph import MessagesState
from langgraph.runtime import Runtime
from pydantic import SecretStr

from agentdyno.core.pattern import Handoff, Supervisor
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Assignment
from agentdyno.runners.parity import own_retries
from agentdyno.runners.teams import Door, Held
from agentdyno.runners.telling import Teller

if TYPE_CHECKING:
    from mcp import ClientSession

UNBOUNDED = {"recursion_limit": 100_000}
"""Supersteps of the graphs around agents, which end by their own conditions."""
_UNUSED = httpx2.Client(transport=httpx2.MockTransport(lambda request: httpx2.Response(501)))
"""Given as the synchronous client, which no call uses; a real one would load certificates."""
_NO_DEADLINE_S = 86_400.0
"""A day: the trial's timeout ends a slow call, not the client's."""


class SessionDoor(Door, httpx.Auth):
    """The door of one session."""


@dataclass(eq=False, kw_only=True)
class Seat:
    """One agent of a team, with what it keeps between trials."""

    spec: AgentSpec
    model: ChatOpenAI
    door: SessionDoor
    held: "Held[ClientSession] | None" = None
    session: "ClientSession | None" = None
    listed: Any = None
    tools: list[Any] = field(default_factory=list)
    """What its session offers, as LangChain's tools."""
    agent: Any = None


@dataclass(eq=False, kw_only=True)
class Play:
    """The context of a run: what a compiled graph is told of the trial that runs through it."""

    teller: Teller
    manager_calls: int = 0
    """Model calls of a supervisor in this user turn."""
    active: str = ""
    """Agent of a swarm that has control."""
    handoffs: int = 0
    """Times that control passed in this user turn."""


class Work(MessagesState):
    """State of the graphs that the adapter builds itself."""

    said: Annotated[list[tuple[str, str]], operator.add]
    """Agents and their finished texts, oldest first."""


def chat_model(assignment: Assignment, spec: AgentSpec, http: httpx2.AsyncClient) -> ChatOpenAI:
    """Return the model of one agent, not yet pointed at a trial."""
    options: dict[str, Any] = {}
    if _has_tools(assignment, spec.name):
        if spec.tool_choice != "auto":
            options["tool_choice"] = spec.tool_choice
        if not spec.parallel_tool_calls:
            options["parallel_tool_calls"] = False
    return ChatOpenAI(
        model=spec.model, base_url="http://unbound/v1", api_key=SecretStr("unbound"),
        temperature=spec.temperature, timeout=None, streaming=assignment.stream,
        stream_usage=True, use_responses_api=False, model_kwargs=options,
        http_async_client=http, http_client=_UNUSED, **own_retries(assignment),
    )


def _has_tools(assignment: Assignment, name: str) -> bool:
    if assignment.endpoints[name].mcp_url:
        return True
    match assignment.pattern:
        case Supervisor(manager=manager):
            return name == manager
        case Handoff(handoffs=handoffs):
            return bool(handoffs.get(name))
    return False


async def bind_seat(seat: Seat, assignment: Assignment) -> bool:
    """Point one agent at the trial; returns whether it is to be built, since tools changed."""
    endpoint = assignment.endpoints[seat.spec.name]
    client = seat.model.root_async_client
    client.base_url, client.api_key = endpoint.model_base_url, assignment.token
    if not endpoint.mcp_url:
        return seat.agent is None
    seat.door.url, seat.door.token = endpoint.mcp_url, assignment.token
    if seat.held is None:
        seat.held = Held(_session(endpoint.mcp_url, seat.door))
        seat.session = await seat.held.open()
    assert seat.session is not None
    listed = await seat.session.list_tools()
    if listed == seat.listed:
        return seat.agent is None
    seat.listed = listed
    from langchain_mcp_adapters.tools import load_mcp_tools

    seat.tools = await load_mcp_tools(seat.session)
    return True


def _session(url: str, door: SessionDoor) -> "AbstractAsyncContextManager[ClientSession]":
    # Dear to import, so only a team with tools pays for it.
    from langchain_mcp_adapters.client import MultiServerMCPClient

    return MultiServerMCPClient({"gateway": {
        "transport": "streamable_http", "url": url, "auth": door,
        "timeout": _NO_DEADLINE_S, "sse_read_timeout": _NO_DEADLINE_S,
    }}).session("gateway")


def turn_limit(spec: AgentSpec) -> dict[str, Any]:
    """Return the configuration that holds an agent to its `max_turns` model calls."""
    return {"recursion_limit": 2 * spec.max_turns}


def heard(messages: Sequence[AnyMessage], name: str) -> list[AnyMessage]:
    """Return a shared list of messages as agent `name` reads it.

    What the others say are messages of users with their names: LangGraph's examples of
    collaborating agents do so because some providers take no assistant's message last.
    """
    return [
        HumanMessage(message.content, name=message.name)
        if isinstance(message, AIMessage) and message.name != name and not message.tool_calls
        else message
        for message in messages
    ]


async def consult(seat: Seat, messages: Sequence[AnyMessage]) -> tuple[str, list[AnyMessage]]:
    """Run one agent on `messages`; returns its text and the messages that it added.

    Raises:
        GraphRecursionError: it made as many model calls as it may and wants more.
    """
    try:
        result = await seat.agent.ainvoke({"messages": messages}, turn_limit(seat.spec))
    except GraphRecursionError as error:
        raise GraphRecursionError(f"{seat.spec.name}: {error}") from error
    added = result["messages"][len(messages):]
    return added[-1].text, added


def node(seat: Seat, to: tuple[str, ...] = (), *, staged: bool = False, shared: bool = True) -> Any:
    """Return a graph's node in which one agent works on the messages of the state.

    Args:
        seat: the agent.
        to: whom its text is for; everybody when empty.
        staged: whether entering the node is a stage that is told.
        shared: whether the tool calls that it makes are part of the state too.
    """
    name = seat.spec.name

    async def work(state: Work, runtime: Runtime[Play]) -> dict[str, Any]:
        teller = runtime.context.teller
        if staged:
            teller.step("node", name, agent=name)
        text, added = await consult(seat, heard(state["messages"], name))
        teller.said(name, text, to)
        return {"messages": added if shared else added[-1:], "said": [(name, text)]}

    return work
