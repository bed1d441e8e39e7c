"""The agents of a pattern, wired as the SDK wires them, and one trial's seat at them."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
from agents.mcp import MCPServerStreamableHttp
from openai import AsyncOpenAI

from agentdyno.core.pattern import Handoff, Pattern, Supervisor, pattern_agents
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Assignment, Usage
from agentdyno.runners._openai_agents_hooks import Hooks
from agentdyno.runners.parity import own_retries
from agentdyno.runners.teams import Door, Held
from agentdyno.runners.telling import Teller
from agents import (
    Agent,
    AgentsException,
    ModelSettings,
    OpenAIChatCompletionsModel,
    RunConfig,
    RunContextWrapper,
    Runner,
    Tool,
    handoff,
)

TLS = ssl.create_default_context()
"""One for all clients: making it is dearer than a trial."""
_NO_DEADLINE_S = 86_400.0
"""A day: the trial's timeout ends a slow call, not the client's."""
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


class Team:
    """The agents of a pattern."""

    def __init__(self, assignment: Assignment, http: httpx2.AsyncClient) -> None:
        self.pattern: Pattern = assignment.pattern
        self.stream = assignment.stream
        self._seats = {
            name: _Seat(
                spec=assignment.agent(name), door=_Door(),
                client=AsyncOpenAI(
                    base_url="http://unbound/v1", api_key="unbound", timeout=None,
                    http_client=http, **own_retries(assignment),
                ),
            )
            for name in pattern_agents(assignment.pattern)
        }
        turns = {name: seat.spec.max_turns for name, seat in self._seats.items()}
        self.hooks = Hooks(assignment.pattern, turns)

    async def bind(self, assignment: Assignment) -> None:
        """Point models and sessions at the trial, and have its tools read."""
        made = []
        for name, seat in self._seats.items():
            endpoint = assignment.endpoints[name]
            seat.client.base_url = httpx2.URL(endpoint.model_base_url)
            seat.client.api_key = assignment.token
            servers = []
            if endpoint.mcp_url:
                seat.door.url, seat.door.token = endpoint.mcp_url, assignment.token
                servers = await _tools(seat, endpoint.mcp_url)
            if seat.agent is None:
                seat.agent = _agent(seat, servers, self._has_colleagues(name))
                made.append(seat)
        if made:
            self._wire()

    async def close(self) -> None:
        """Close the MCP sessions."""
        for seat in self._seats.values():
            if seat.held:
                await seat.held.close()

    def agent(self, name: str) -> Agent[None]:
        """Return the SDK's agent `name`."""
        agent = self._seats[name].agent
        assert agent is not None
        return agent

    def spec(self, name: str) -> AgentSpec:
        """Return the spec of agent `name`."""
        return self._seats[name].spec

    async def run(self, agent: Agent[None], items: list[Any], max_turns: int | None) -> Any:
        """Run `agent` on the conversation so far and return the SDK's result."""
        options: dict[str, Any] = {
            "max_turns": max_turns, "run_config": _RUN, "hooks": self.hooks,
        }
        if not self.stream:
            return await Runner.run(agent, items, **options)
        result = Runner.run_streamed(agent, items, **options)
        try:
            async for _ in result.stream_events():
                pass
        finally:
            result.cancel()
        return result

    def _has_colleagues(self, name: str) -> bool:
        """Whether `name` is given tools that stand for other agents."""
        match self.pattern:
            case Supervisor(manager=manager):
                return name == manager
            case Handoff(handoffs=handoffs):
                return bool(handoffs.get(name))
        return False

    def _wire(self) -> None:
        """Let the agents know each other, now that all of them are there."""
        match self.pattern:
            case Supervisor(manager=manager, workers=workers):
                self.agent(manager).tools = [self._worker(name) for name in workers]
            case Handoff(handoffs=handoffs):
                for source, targets in handoffs.items():
                    tools = [handoff(self.agent(target)) for target in targets]
                    self.agent(source).handoffs = [*tools]
                    for target, tool in zip(targets, tools, strict=True):
                        self.hooks.handoffs[source, target] = tool.tool_name

    def _worker(self, name: str) -> Tool:
        spec = self.spec(name)
        return self.agent(name).as_tool(
            tool_name=name, tool_description=f"{spec.role}: {spec.goal}",
            max_turns=spec.max_turns, hooks=self.hooks, failure_error_function=_told(name),
            on_stream=_heard if self.stream else None, on_stream_max_pending_events=None,
        )


class Desk:
    """One trial's work with a team: the conversation so far, and what it took."""

    def __init__(self, team: Team, tell: Teller) -> None:
        self.team = team
        self.tell = tell
        self.items: list[Any] = []
        self.active: Agent[None] | None = None
        """Who has control in a team of handoffs; null before the first turn."""
        self._requests = self._prompt = self._completion = 0

    def hear(self, text: str) -> None:
        """Add to the conversation what the user says."""
        self.items = [*self.items, {"role": "user", "content": text}]

    async def speak(self, name: str) -> str:
        """Have agent `name` speak on the whole conversation, and add what it did and said."""
        self.items, text = await self.ask(name, self.items)
        return text

    async def ask(self, name: str, items: list[Any]) -> tuple[list[Any], str]:
        """Have agent `name` answer to `items`; return them with what it did, and its text."""
        result = await self.run(self.team.agent(name), items, self.team.spec(name).max_turns)
        return result.to_input_list(), str(result.final_output)

    async def run(self, agent: Agent[None], items: list[Any], max_turns: int | None) -> Any:
        """Run `agent` and count what it took, also when a limit ended it."""
        try:
            result = await self.team.run(agent, items, max_turns)
        except AgentsException as error:
            if error.run_data is not None:
                self._count(error.run_data)
            raise
        self._count(result)
        return result

    @property
    def usage(self) -> Usage:
        """What the SDK counted."""
        return Usage(
            requests=self._requests, prompt_tokens=self._prompt,
            completion_tokens=self._completion,
        )

    def _count(self, run: Any) -> None:
        usage = run.context_wrapper.usage
        self._requests += usage.requests
        self._prompt += usage.input_tokens
        self._completion += usage.output_tokens


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
            return httpx2.AsyncClient(headers=headers, timeout=timeout, auth=auth, verify=TLS)

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


def _agent(
    seat: _Seat, servers: list[MCPServerStreamableHttp], has_colleagues: bool
) -> Agent[None]:
    spec = seat.spec
    return Agent(
        name=spec.name, handoff_description=f"{spec.role}: {spec.goal}",
        instructions=spec.instructions, mcp_servers=[*servers], reset_tool_choice=False,
        model=OpenAIChatCompletionsModel(model=spec.model, openai_client=seat.client),
        model_settings=_settings(spec, bool(servers) or has_colleagues),
    )


def _told(worker: str) -> Callable[[RunContextWrapper[Any], Exception], str]:
    """Return what tells a manager why a worker failed; the SDK's own words hide it."""
    def tell(_: RunContextWrapper[Any], error: Exception) -> str:
        return f"Error: {worker} failed: {type(error).__name__}: {error}"

    return tell


def _heard(event: Any) -> None:
    """Have a worker streamed: the SDK streams it only for somebody who listens."""
