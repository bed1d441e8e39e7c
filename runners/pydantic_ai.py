"""Pydantic AI 2.68 with its MCPToolset on FastMCP 4.

single    one `Agent`; `message_history` carries the conversation from one user turn to the next.
pipeline  composed: the documented programmatic hand-off. Each agent runs on the message history of
          those before it, without a prompt of its own: its instructions are all that is new.

Quirks held by the contract tests:
- Tool errors are given to the model as failed results. The default, a retry, would end the run at
  the second error of a tool. A second unknown tool still would, but for a retry for each turn.
- An empty answer is asked for again once. Zero retries would make it an error, as nowhere else.
- `tool_choice="required"` is refused as a fixed setting; a function of the run may return it.
- A model name that it takes for a reasoning model ("o3", "gpt-5...") makes it drop `temperature`.
- FastMCP takes an address with "/sse" in its path for the old transport, so a toolset is built on
  an address without names, and each request finds its trial by the door.
"""

import ssl
import time
from collections.abc import AsyncIterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.event import Message
from agentdyno.core.spec import AgentSpec, pattern_agents
from agentdyno.core.trial import Answer, Assignment, Setting, Usage
from agentdyno.runners.base import Emit, Support
from agentdyno.runners.parity import Deviations, own_retries, parity_rows
from agentdyno.runners.teams import Door, Held, TeamPool, steps_of
from agentdyno.runners.turns import Turns

try:
    import httpx2
    from openai import AsyncOpenAI
    from pydantic_ai import Agent, RunContext, RunUsage, UsageLimits
    from pydantic_ai.exceptions import UsageLimitExceeded
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import openai_model_profile
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.settings import ModelSettings
except ImportError as error:
    raise EnvironmentFault(
        f"the runner pydantic_ai needs packages that this Python does not have: {error}.",
        "agentdyno env sync pydantic_ai",
    ) from error


if TYPE_CHECKING:
    from pydantic_ai.mcp import MCPToolset

_TLS = ssl.create_default_context()
"""One for all clients: making it is dearer than a trial."""


_OUTPUT = Setting(
    name="output_retries", requested=0, effective=1,
    note="an empty answer is asked for again once; with 0 it would be an error",
)
_TOOLS = Setting(
    name="tool_retries", requested=None, effective=1,
    note="a tool that fails is called again with a prompt to mend it, and ends the run at its"
    " second failure",
)
_TEXTS = (
    Setting(
        name="message_texts", requested="as given", effective="instructions stripped",
        note="white space around the instructions is dropped",
    ),
    Setting(
        name="empty_answers", requested="an answer", effective="an error",
        note="Pydantic AI asks again, and ends the run with UnexpectedModelBehavior",
    ),
)
_ROWS = {"uniform": (_OUTPUT, *_TEXTS), "as-shipped": (_OUTPUT, _TOOLS, *_TEXTS)}


class _Door(Door, httpx2.Auth):
    """The door of one session."""


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
    held: "Held[MCPToolset[None]] | None" = None
    toolset: "MCPToolset[None] | None" = None
    agent: Agent[None, str] | None = None


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


async def _tools(seat: _Seat) -> "list[MCPToolset[None]] | None":
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


def _agent(seat: _Seat, toolsets: "list[MCPToolset[None]]") -> Agent[None, str]:
    spec = seat.spec
    return Agent(
        _model(seat), name=spec.name, instructions=spec.instructions, toolsets=toolsets,
        model_settings=_settings(spec, bool(toolsets)),
        retries=None if seat.as_shipped else {"tools": spec.max_turns, "output": 1},
    )


async def _drain(context: RunContext[None], events: AsyncIterable[Any]) -> None:
    """Consume the stream: giving a handler is what makes Pydantic AI ask for one."""
    async for _ in events:
        pass


class _Team:
    """The agents of a pattern."""

    def __init__(self, seats: dict[str, _Seat]) -> None:
        self._seats = seats

    async def bind(self, assignment: Assignment) -> None:
        for name, seat in self._seats.items():
            endpoint = assignment.endpoints[name]
            seat.client.base_url = httpx2.URL(endpoint.model_base_url)
            seat.client.api_key = assignment.token
            seat.door.url, seat.door.token = endpoint.mcp_url or "", assignment.token
            toolsets = await _tools(seat)
            if toolsets is not None:
                seat.agent = _agent(seat, toolsets)

    async def close(self) -> None:
        for seat in self._seats.values():
            if seat.held:
                await seat.held.close()
            if seat.http:
                await seat.http.aclose()

    async def step(
        self, name: str, prompt: str | None, history: list[Any], stream: bool, usage: RunUsage
    ) -> tuple[str, list[Any]]:
        seat = self._seats[name]
        assert seat.agent is not None
        result = await seat.agent.run(
            prompt, message_history=history, usage=usage,
            usage_limits=UsageLimits(request_limit=seat.spec.max_turns),
            event_stream_handler=_drain if stream else None,
        )
        return result.output, result.all_messages()


class PydanticAIRunner:
    """Runs teams as Pydantic AI agents."""

    name: ClassVar[str] = "pydantic_ai"
    packages: ClassVar[tuple[str, ...]] = (
        "pydantic-ai-slim", "pydantic-graph", "fastmcp-slim", "openai", "mcp",
    )
    patterns: ClassVar[dict[str, Support]] = {
        "single": Support(kind="native", how="pydantic_ai.Agent"),
        "pipeline": Support(
            kind="composed", how="Agent.run after Agent.run in code, handing on message_history"
        ),
    }

    def __init__(self) -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
        self._http = httpx2.AsyncClient(timeout=None, limits=limits)
        self._teams = TeamPool(self._build)

    def parity(self, assignment: Assignment) -> tuple[Setting, ...]:
        """Return requested and effective settings."""
        return parity_rows(assignment, _deviations, _ROWS[assignment.retries])

    async def run(self, assignment: Assignment, emit: Emit, turns: Turns) -> Answer:
        """Run the agents one after the other on one history, for each user turn."""
        zero = time.perf_counter()
        steps = steps_of(assignment.pattern)
        history: list[Any] = []
        spent: list[RunUsage] = []
        note = ""
        async with self._teams.lease(assignment) as team:
            try:
                async for turn in turns:
                    prompt: str | None = turn
                    for name in steps:
                        began = time.perf_counter() - zero
                        spent.append(RunUsage())
                        text, history = await team.step(
                            name, prompt, history, assignment.stream, spent[-1]
                        )
                        prompt = None
                        if assignment.pattern.type == "pipeline":
                            now = time.perf_counter() - zero
                            emit(Message(agent=name, started_s=began, ended_s=now, text=text))
                    turns.answered(text)
            except UsageLimitExceeded as error:
                note = f"UsageLimitExceeded: {error}"
        return Answer(
            texts=turns.answers, usage=_usage(spent), stopped_by_limit=bool(note), note=note
        )

    async def close(self) -> None:
        """Close idle teams and the shared HTTP client."""
        await self._teams.close()
        await self._http.aclose()

    async def _build(self, assignment: Assignment) -> _Team:
        seats = {}
        for name in pattern_agents(assignment.pattern):
            door = _Door()
            client = AsyncOpenAI(
                base_url="http://unbound/v1", api_key="unbound", timeout=None,
                http_client=self._http, **own_retries(assignment),
            )
            http = None
            if assignment.endpoints[name].mcp_url:
                http = httpx2.AsyncClient(auth=door, timeout=None, verify=_TLS)
            seats[name] = _Seat(
                spec=assignment.agent(name), client=client, door=door, http=http,
                as_shipped=assignment.retries == "as-shipped",
            )
        return _Team(seats)


@cache
def _reasons(model: str) -> bool:
    """Return whether a model of this name would be sent no sampling settings."""
    profile = openai_model_profile(model)
    return bool(
        profile.get("openai_supports_reasoning") and profile.get("thinking_enabled_by_default")
    )


def _deviations(spec: AgentSpec) -> Deviations:
    if spec.temperature is None or not _reasons(spec.model):
        return {}
    return {"temperature": (None, f"the name {spec.model!r} is that of a reasoning model")}


def _usage(spent: list[RunUsage]) -> Usage:
    return Usage(
        requests=sum(usage.requests for usage in spent),
        prompt_tokens=sum(usage.input_tokens for usage in spent),
        completion_tokens=sum(usage.output_tokens for usage in spent),
    )
