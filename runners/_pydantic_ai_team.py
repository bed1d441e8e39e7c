"""What a team of the Pydantic AI adapter keeps between trials: clients, sessions and agents."""

import ssl
from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2
from openai import AsyncOpenAI
from pydantic_ai import Agent, RunContext, RunUsage, Tool, UsageLimits
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings

from agentdyno.core.pattern import pattern_agents
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Assignment
from agentdyno.runners.parity import own_retries
from agentdyno.runners.teams import Door, Held
from agentdyno.runners.telling import Teller

if TYPE_CHECKING:
    from pydantic_ai.mcp import MCPToolset

_TLS = ssl.create_default_context()
"""One for all clients: making it is dearer than a trial."""


class _Door(Door, httpx2.Auth):
    """The door of one session."""


@dataclass(eq=False, kw_only=True)
class Talk:
    """The dependencies of every run: what belongs to one trial, and what it keeps between turns."""

    teller: Teller
    stream: bool
    spent: list[RunUsage] = field(default_factory=list)
    """What each run used."""
    history: list[Any] = field(default_factory=list)
    """Messages of the user turns before, where agents share them."""
    active: str = ""
    """Agent that has control; "" before anybody had."""
    handoffs: int = 0
    """Times that control passed in this user turn."""


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """What a pattern adds to one of its agents."""

    tools: Sequence[Tool[Talk]] = ()
    outputs: Any = str
    """`output_type` of the agent."""
    output_retries: int = 1

    @property
    def offers_tools(self) -> bool:
        """Whether the model is offered tools by it."""
        return bool(self.tools) or self.outputs is not str


@dataclass(eq=False, kw_only=True)
class _Seat:
    """One agent of a team, with what it keeps between trials."""

    spec: AgentSpec
    client: AsyncOpenAI
    as_shipped: bool
    """Whether failures of tools are met in Pydantic AI's own way too."""
    door: _Door
    http: httpx2.AsyncClient | None = None
    """Client of the MCP session; null for an agent without tools."""
    held: "Held[MCPToolset[Talk]] | None" = None
    toolset: "MCPToolset[Talk] | None" = None
    agent: Agent[Talk, Any] | None = None


def _model(seat: _Seat) -> OpenAIChatModel:
    return OpenAIChatModel(seat.spec.model, provider=OpenAIProvider(openai_client=seat.client))


def _settings(spec: AgentSpec, has_tools: bool) -> Any:
    settings = ModelSettings()
    if spec.temperature is not None:
        settings["temperature"] = spec.temperature
    if has_tools and not spec.parallel_tool_calls:
        settings["parallel_tool_calls"] = False
    if not has_tools or spec.tool_choice == "auto":
        return settings
    settings["tool_choice"] = spec.tool_choice
    return lambda context: settings


async def _tools(seat: _Seat) -> "list[MCPToolset[Talk]] | None":
    """Return the toolsets that the agent must be built with, or null when it has them already."""
    if seat.http is None:
        return [] if seat.agent is None else None
    if seat.held and seat.toolset:
        if await seat.toolset.client.list_tools() == await seat.toolset.list_tools():
            return None
        await seat.held.close()
    # Dear to import, so only a team with tools pays for it.
    from pydantic_ai.mcp import MCPToolset

    seat.held = Held(MCPToolset(
        str(httpx2.URL(seat.door.url).join("/mcp")), http_client=seat.http,
        tool_error_behavior="retry" if seat.as_shipped else "failed",
        init_timeout=None, read_timeout=None,
    ))
    seat.toolset = await seat.held.open()
    return [seat.toolset]


def _agent(
    seat: _Seat, toolsets: "list[MCPToolset[Talk]]", equipment: Equipment
) -> Agent[Talk, Any]:
    spec = seat.spec
    return Agent(
        _model(seat), name=spec.name, instructions=spec.instructions, toolsets=toolsets,
        tools=equipment.tools, output_type=equipment.outputs, deps_type=Talk,
        model_settings=_settings(spec, bool(toolsets) or equipment.offers_tools),
        retries=None if seat.as_shipped else {
            "tools": spec.max_turns, "output": equipment.output_retries,
        },
    )


async def _drain(context: RunContext[Talk], events: AsyncIterable[Any]) -> None:
    """Consume the stream: giving a handler is what makes Pydantic AI ask for one."""
    async for _ in events:
        pass


def _seat(assignment: Assignment, name: str, http: httpx2.AsyncClient) -> _Seat:
    door = _Door()
    client = AsyncOpenAI(
        base_url="http://unbound/v1", api_key="unbound", timeout=None, http_client=http,
        **own_retries(assignment),
    )
    mcp = None
    if assignment.endpoints[name].mcp_url:
        mcp = httpx2.AsyncClient(auth=door, timeout=None, verify=_TLS)
    return _Seat(
        spec=assignment.agent(name), client=client, door=door, http=mcp,
        as_shipped=assignment.retries == "as-shipped",
    )


class Team:
    """The agents of a pattern, built once and pointed at one trial after the other."""

    def __init__(
        self, assignment: Assignment, http: httpx2.AsyncClient,
        equip: "Callable[[Team, str], Equipment]",
    ) -> None:
        """`equip` says what the pattern adds to an agent of this team."""
        self.pattern = assignment.pattern
        self.graph: Any = None
        """The pydantic-graph of the pattern, built on first use."""
        self._equip = equip
        self._seats = {
            name: _seat(assignment, name, http) for name in pattern_agents(assignment.pattern)
        }

    async def bind(self, assignment: Assignment) -> None:
        """Point models and sessions at the trial, and read its tools."""
        for name, seat in self._seats.items():
            endpoint = assignment.endpoints[name]
            seat.client.base_url = httpx2.URL(endpoint.model_base_url)
            seat.client.api_key = assignment.token
            seat.door.url, seat.door.token = endpoint.mcp_url or "", assignment.token
            toolsets = await _tools(seat)
            if toolsets is not None:
                seat.agent = _agent(seat, toolsets, self._equip(self, name))

    async def close(self) -> None:
        """Close the MCP sessions."""
        for seat in self._seats.values():
            if seat.held:
                await seat.held.close()
            if seat.http:
                await seat.http.aclose()

    def spec(self, name: str) -> AgentSpec:
        """Return what agent `name` is to be like."""
        return self._seats[name].spec

    async def run(
        self, name: str, prompt: str | None, history: Sequence[Any], talk: Talk, **options: Any
    ) -> Any:
        """Run one agent on the history so far; returns Pydantic AI's result.

        Raises:
            UsageLimitExceeded: it made as many model calls as it may and wants more.
        """
        seat = self._seats[name]
        assert seat.agent is not None
        talk.spent.append(RunUsage())
        return await seat.agent.run(
            prompt, message_history=history, deps=talk, usage=talk.spent[-1],
            usage_limits=UsageLimits(request_limit=seat.spec.max_turns),
            event_stream_handler=_drain if talk.stream else None, **options,
        )
