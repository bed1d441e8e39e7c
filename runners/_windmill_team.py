"""What a team of the Windmill adapter keeps between trials: document, model clients, sessions."""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any

import httpx2
import mcp_types
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from openai import AsyncOpenAI
from pydantic_ai.exceptions import ModelRetry, ToolFailed
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from agentdyno.core.pattern import pattern_agents
from agentdyno.core.trial import Assignment
from agentdyno.runners.openflow.agent_inputs import Provider
from agentdyno.runners.openflow.document import parse
from agentdyno.runners.openflow.generate import flow_for
from agentdyno.runners.openflow.generate_parts import tools_path
from agentdyno.runners.parity import own_retries
from agentdyno.runners.teams import Door, Held


class _Door(Door, httpx2.Auth):
    """The door, as the MCP client's HTTP library wants it."""


class _Toolset(MCPToolset[None]):
    """Tools of one MCP session, listed once for each trial."""

    listed: list[mcp_types.Tool] | None = None

    async def list_tools(self) -> list[mcp_types.Tool]:
        if self.listed is None:
            self.listed = await self.client.list_tools()
        return self.listed


@dataclass(eq=False, kw_only=True)
class _Seat:
    """The tools of one agent, kept between trials."""

    door: _Door
    toolset: _Toolset
    held: Held[MCPToolset[None]]
    opening: asyncio.Lock
    """An agent that is called twice at a time opens its session once."""


def _model(name: str, http: httpx2.AsyncClient, retries: dict[str, Any]) -> OpenAIChatModel:
    client = AsyncOpenAI(
        base_url="http://unbound/v1", api_key="unbound", timeout=None, http_client=http, **retries
    )
    return OpenAIChatModel(name, provider=OpenAIProvider(openai_client=client))


async def _tool(context: Any, call: Any, name: str, arguments: dict[str, Any]) -> Any:
    try:
        return await call(name, arguments)
    except (ToolFailed, ModelRetry) as error:
        return f"MCP tool error: {error.message}"


def _tools(url: str, tls: ssl.SSLContext) -> _Seat:
    door = _Door()

    def client(
        headers: dict[str, str] | None = None, timeout: httpx2.Timeout | None = None,
        auth: httpx2.Auth | None = None, follow_redirects: bool = True,
    ) -> httpx2.AsyncClient:
        # No timeout of its own: the trial's ends a slow call.
        return httpx2.AsyncClient(headers=headers, auth=auth, timeout=None, verify=tls)

    transport = StreamableHttpTransport(
        url, auth=door, httpx_client_factory=client, max_sse_event_size=None
    )
    toolset = _Toolset(
        Client(transport), tool_error_behavior="failed", process_tool_call=_tool
    )
    return _Seat(door=door, toolset=toolset, held=Held(toolset), opening=asyncio.Lock())


class Team:
    """The document of a team, parsed, and the model clients and sessions of its agents.

    Each agent has a client and a session of its own, for agents may work at the same time.
    """

    def __init__(
        self, assignment: Assignment, http: httpx2.AsyncClient, tls: ssl.SSLContext
    ) -> None:
        self.plan = flow_for(assignment)
        self.flow = parse(self.plan.document)
        self._retries = own_retries(assignment)
        self._http = http
        self._tls = tls
        self._seats: dict[str, _Seat] = {}
        self._models: dict[str, OpenAIChatModel] = {}
        self._served: dict[str, OpenAIChatModel] = {}

    async def bind(self, assignment: Assignment) -> None:
        """Point clients and sessions at the trial; tools are listed when a step first needs them.
        """
        self._served = {}
        for name in pattern_agents(assignment.pattern):
            endpoint = assignment.endpoints[name]
            model = self._models.get(name)
            if model is None:
                wanted = assignment.agent(name).model
                model = self._models[name] = _model(wanted, self._http, self._retries)
            model.client.base_url = httpx2.URL(endpoint.model_base_url)
            model.client.api_key = assignment.token
            self._served[endpoint.model_base_url] = model
            if endpoint.mcp_url is None:
                continue
            path = tools_path(name)
            seat = self._seats.get(path)
            if seat is None:
                seat = self._seats[path] = _tools(endpoint.mcp_url, self._tls)
            seat.door.url, seat.door.token = endpoint.mcp_url, assignment.token
            seat.toolset.listed = None

    async def close(self) -> None:
        """Close the MCP sessions."""
        for seat in self._seats.values():
            await seat.held.close()

    def model(self, provider: Provider) -> OpenAIChatModel:
        """Return the client of the agent whose address the provider's resource holds."""
        return self._served[provider.resource["base_url"]]

    async def tools(self, resource_path: str) -> MCPToolset[None]:
        """Return the tools that a resource names, connected."""
        seat = self._seats[resource_path]
        async with seat.opening:
            return seat.toolset if seat.toolset.is_running else await seat.held.open()
