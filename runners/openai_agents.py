"""OpenAI Agents SDK 0.24 on openai 3 and mcp 2, over chat completions.

single    one `Agent`; `to_input_list()` carries the conversation from one user turn to the next.
pipeline  composed: the documented chain in code. Each agent runs on `to_input_list()` of the one
          before it, so it sees the task, the tool calls and the texts so far.

Quirks held by the contract tests:
- An unknown tool raises ModelBehaviorError unless the run says that the model is to be told.
- After a tool call `tool_choice` falls back to its default unless the agent says otherwise.
- Calls of tools in one turn are sent one after the other: the SDK serialises an MCP session.
- The session's default timeout of 5 s would fail slow tools.
- Tracing exports to the network unless it is switched off before the first run.
"""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.event import Message
from agentdyno.core.pattern import pattern_agents
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Answer, Assignment, Setting, Usage
from agentdyno.runners._openai_agents_patterns import TEAMWORK
from agentdyno.runners.base import Emit, Support
from agentdyno.runners.parity import own_retries, parity_rows
from agentdyno.runners.teams import Door, Held, TeamPool, steps_of
from agentdyno.runners.turns import Turns

try:
    import httpx2
    from agents.mcp import MCPServerStreamableHttp
    from openai import AsyncOpenAI

    from agents import (
        Agent,
        MaxTurnsExceeded,
        ModelSettings,
        OpenAIChatCompletionsModel,
        RunConfig,
        Runner,
        set_tracing_disabled,
    )
except ImportError as error:
    raise EnvironmentFault(
        f"the runner openai_agents needs packages that this Python does not have: {error}.",
        "agentdyno env sync openai_agents",
    ) from error

set_tracing_disabled(True)

_TLS = ssl.create_default_context()
"""One for all clients: making it is dearer than a trial."""
_NO_DEADLINE_S = 86_400.0
"""A day: the trial's timeout ends a slow call, not the client's."""
_EMPTY = Setting(
    name="empty_answers", requested="kept", effective="left out",
    note="a later request does not show an empty answer, so two user turns stand together",
)
_RUN = RunConfig(tracing_disabled=True, tool_not_found_behavior="return_error_to_model")


class _Door(Door, httpx2.Auth):
    """The door of one session."""


@dataclass(eq=False, kw_only=True)
class _Seat:
    """One agent of a team, with what it keeps between trials."""

    spec: AgentSpec
    client: AsyncOpenAI
    door: _Door
    held: Held[MCPServerStreamableHttp] | None = None
    server: Any = None
    agent: Agent[None] | None = None


@dataclass(eq=False, kw_only=True)
class _Spent:
    """Tokens of a trial's runs, also of one that its limit ended."""

    requests: int = 0
    prompt: int = 0
    completion: int = 0

    def add(self, run: Any) -> None:
        """Count a finished run, or the details of one that raised."""
        usage = run.context_wrapper.usage
        self.requests += usage.requests
        self.prompt += usage.input_tokens
        self.completion += usage.output_tokens


def _model(seat: _Seat) -> OpenAIChatCompletionsModel:
    return OpenAIChatCompletionsModel(model=seat.spec.model, openai_client=seat.client)


def _settings(spec: AgentSpec, has_tools: bool) -> ModelSettings:
    return ModelSettings(
        temperature=spec.temperature, include_usage=True,
        tool_choice=spec.tool_choice if has_tools and spec.tool_choice != "auto" else None,
        parallel_tool_calls=False if has_tools and not spec.parallel_tool_calls else None,
    )


async def _tools(seat: _Seat, url: str) -> list[MCPServerStreamableHttp]:
    """Return the agent's MCP server, connected; the SDK lists its tools anew in every trial."""
    if seat.server is None:
        def client(headers: Any = None, timeout: Any = None, auth: Any = None) -> Any:
            return httpx2.AsyncClient(headers=headers, timeout=timeout, auth=auth, verify=_TLS)

        seat.held = Held(MCPServerStreamableHttp(
            {
                "url": url, "auth": seat.door, "timeout": _NO_DEADLINE_S,
                "sse_read_timeout": _NO_DEADLINE_S, "httpx_client_factory": client,
            },
            cache_tools_list=True, client_session_timeout_seconds=None,
        ))
        seat.server = await seat.held.open()
    seat.server.invalidate_tools_cache()
    return [seat.server]


def _agent(seat: _Seat, servers: list[MCPServerStreamableHttp]) -> Agent[None]:
    spec = seat.spec
    return Agent(
        name=spec.name, instructions=spec.instructions, model=_model(seat), mcp_servers=[*servers],
        model_settings=_settings(spec, bool(servers)), reset_tool_choice=False,
    )


class _Team:
    """The agents of a pattern."""

    def __init__(self, seats: dict[str, _Seat]) -> None:
        self._seats = seats

    async def bind(self, assignment: Assignment) -> None:
        """Point models and sessions at the trial, and have its tools read."""
        for name, seat in self._seats.items():
            endpoint = assignment.endpoints[name]
            seat.client.base_url = httpx2.URL(endpoint.model_base_url)
            seat.client.api_key = assignment.token
            servers = []
            if endpoint.mcp_url:
                seat.door.url, seat.door.token = endpoint.mcp_url, assignment.token
                servers = await _tools(seat, endpoint.mcp_url)
            seat.agent = seat.agent or _agent(seat, servers)

    async def close(self) -> None:
        """Close the MCP sessions."""
        for seat in self._seats.values():
            if seat.held:
                await seat.held.close()

    async def step(self, name: str, items: list[Any], stream: bool, spent: _Spent) -> Any:
        """Run one agent on the conversation so far and return the SDK's result."""
        seat = self._seats[name]
        assert seat.agent is not None
        options: dict[str, Any] = {"max_turns": seat.spec.max_turns, "run_config": _RUN}
        if not stream:
            result: Any = await Runner.run(seat.agent, items, **options)
        else:
            result = Runner.run_streamed(seat.agent, items, **options)
            try:
                async for _ in result.stream_events():
                    pass
            finally:
                result.cancel()
        spent.add(result)
        return result


class OpenAIAgentsRunner:
    """Runs teams as agents of the OpenAI Agents SDK."""

    name: ClassVar[str] = "openai_agents"
    packages: ClassVar[tuple[str, ...]] = ("openai-agents", "openai", "mcp")
    patterns: ClassVar[Mapping[str, Support]] = TEAMWORK.patterns

    def __init__(self) -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
        self._http = httpx2.AsyncClient(timeout=None, limits=limits, verify=_TLS)
        self._teams = TeamPool(self._build)

    def parity(self, assignment: Assignment) -> tuple[Setting, ...]:
        """Return requested and effective settings; all can be given as requested."""
        return parity_rows(assignment, team=(_EMPTY,))

    async def run(self, assignment: Assignment, emit: Emit, turns: Turns) -> Answer:
        """Run the agents one after the other on one list of items, for each user turn."""
        zero = time.perf_counter()
        items: list[Any] = []
        spent = _Spent()
        note = text = ""
        async with self._teams.lease(assignment) as team:
            try:
                async for turn in turns:
                    items = [*items, {"role": "user", "content": turn}]
                    for name in steps_of(assignment.pattern):
                        began = time.perf_counter() - zero
                        result = await team.step(name, items, assignment.stream, spent)
                        items, text = result.to_input_list(), result.final_output
                        if assignment.pattern.type == "pipeline":
                            now = time.perf_counter() - zero
                            emit(Message(agent=name, started_s=began, ended_s=now, text=text))
                    turns.answered(text)
            except MaxTurnsExceeded as error:
                note = f"MaxTurnsExceeded: {error}"
                if error.run_data is not None:
                    spent.add(error.run_data)
        usage = Usage(
            requests=spent.requests, prompt_tokens=spent.prompt, completion_tokens=spent.completion
        )
        return Answer(texts=turns.answers, usage=usage, stopped_by_limit=bool(note), note=note)

    async def close(self) -> None:
        """Close idle teams and the shared HTTP client."""
        await self._teams.close()
        await self._http.aclose()

    async def _build(self, assignment: Assignment) -> _Team:
        seats = {}
        for name in pattern_agents(assignment.pattern):
            client = AsyncOpenAI(
                base_url="http://unbound/v1", api_key="unbound", timeout=None,
                http_client=self._http, **own_retries(assignment),
            )
            seats[name] = _Seat(spec=assignment.agent(name), client=client, door=_Door())
        return _Team(seats)
