"""What one agent of one trial may call: wire names, routes, and the tools/list result made once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentdyno.core.server import LocalServer
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec, ToolServer
from agentdyno.tools import jsonrpc
from agentdyno.tools.approvals import Approvals
from agentdyno.tools.catalogue import select, shown, wire_names
from agentdyno.tools.faults import ToolFaults
from agentdyno.tools.replay import RecordedServer, ToolReplay
from agentdyno.tools.risk import Assessment, assess
from agentdyno.tools.upstream import Upstream

_LIST_TTL_MS = 3_600_000
"""How long a client may keep the list: it does not change during a trial."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where one wire name leads."""

    server: str
    tool: str
    schema: Any
    """The tool's inputSchema."""
    target: Upstream | LocalServer | RecordedServer
    timeout_s: float
    description: str = ""
    """The tool's own description."""
    gate: Assessment | None = None
    """What the scenario's approvals say of its calls; null without any."""


@dataclass(frozen=True, kw_only=True)
class ToolBox:
    """The tools of one agent."""

    routes: Mapping[str, Route]
    """Routes by wire name."""
    tools: tuple[dict[str, Any], ...]
    """Tool objects as tools/list shows them, in the order of `routes`."""
    listed: bytes = field(repr=False)
    """The result of tools/list up to revision 2025-11-25."""
    listed_modern: bytes = field(repr=False)
    """The same for revision 2026-07-28, which wants to know how long it holds."""


@dataclass(eq=False, kw_only=True)
class OpenTrial:
    """A trial between open and close."""

    sink: Sink
    boxes: Mapping[str, ToolBox]
    """Tools by agent."""
    upstreams: Mapping[str, Upstream]
    """Servers by name."""
    starts: Mapping[str, int]
    """How often each server had been started when the trial began."""
    called: set[str] = field(default_factory=set)
    """Servers that the trial called, or would have called but for a rejection."""
    replay: ToolReplay | None = None
    """Answers instead of servers; null when servers run."""
    faults: ToolFaults | None = None
    """What goes wrong on purpose."""
    approvals: Approvals | None = None
    """Which calls wait for whom; null when none does, and in a recorded trial, whose calls were
    decided when it was recorded."""


def tool_box(
    agent: AgentSpec, upstreams: Mapping[str, Upstream], servers: Mapping[str, ToolServer],
    local: Mapping[str, LocalServer], local_timeout_s: float,
    approvals: Approvals | None = None,
) -> ToolBox:
    """Return the tools that `agent` names, and those that in-process servers give it."""
    offered = {name: upstream.tools for name, upstream in upstreams.items()}
    given = {name: server.tools(agent) for name, server in local.items()}
    chosen = select(agent.tools, offered) + select((f"{name}.*" for name in given), given)
    objects = {
        (name, tool["name"]): tool
        for name, tools in (offered | given).items() for tool in tools
    }
    routes: dict[str, Route] = {}
    for wire, (server, tool) in wire_names(chosen).items():
        is_local, listed = server in given, objects[server, tool]
        routes[wire] = Route(
            server=server, tool=tool, schema=listed.get("inputSchema", {}),
            description=listed.get("description") or "",
            target=local[server] if is_local else upstreams[server],
            timeout_s=local_timeout_s if is_local else servers[server].timeout_s,
            gate=assess(approvals.policy, agent.risk_threshold, server, listed)
            if approvals else None,
        )
    tools = tuple(_shown(wire, r, objects[r.server, r.tool]) for wire, r in routes.items())
    return _box(routes, tools)


def _shown(wire: str, route: Route, listed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tool object that the agent is shown.

    A result that tells of changed arguments has no structured copy (`approvals.annotated`), and a
    client that was promised one by an outputSchema would refuse it.
    """
    tool = shown(wire, listed)
    if route.gate is not None and route.gate.action == "wait":
        tool.pop("outputSchema", None)
    return tool


def recorded_box(agent: AgentSpec, replay: ToolReplay) -> ToolBox:
    """Return the tools that `agent` was offered in a recording."""
    objects = {offer.name: replay.shown(offer) for offer in replay.offered(agent.name)}
    routes = {
        offer.name: Route(
            server=offer.server, tool=offer.tool,
            schema=objects[offer.name].get("inputSchema", {}),
            target=RecordedServer(name=offer.server), timeout_s=0.0,
        )
        for offer in replay.offered(agent.name)
    }
    return _box(routes, tuple(objects.values()))


def _box(routes: Mapping[str, Route], tools: tuple[dict[str, Any], ...]) -> ToolBox:
    result: dict[str, Any] = {"tools": list(tools)}
    modern = result | {"resultType": "complete", "ttlMs": _LIST_TTL_MS, "cacheScope": "private"}
    return ToolBox(
        routes=routes, tools=tools, listed=jsonrpc.dumps(result),
        listed_modern=jsonrpc.dumps(modern),
    )
