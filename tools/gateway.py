"""The tool gateway: a raw ASGI app that serves MCP over streamable HTTP at `/mcp/{trial}/{agent}`.

Stateless: no session id is handed out, so a client opens no event stream and sends no DELETE. Every
answer is one JSON body, which the specification allows and which is cheaper than an event stream.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agentdyno.core.errors import UsageError
from agentdyno.core.event import ToolsListed
from agentdyno.core.fault import FaultPlan
from agentdyno.core.recording import ToolRecording
from agentdyno.core.server import LocalServer
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec, ToolServer
from agentdyno.core.trial import Outcome
from agentdyno.tools import gaps
from agentdyno.tools.approvals import Approvals
from agentdyno.tools.asgi import Receive, Scope, Send
from agentdyno.tools.box import OpenTrial, ToolBox, recorded_box, tool_box
from agentdyno.tools.catalogue import Tools, dangling, servers_named
from agentdyno.tools.endpoint import Endpoint
from agentdyno.tools.faults import ToolFaults
from agentdyno.tools.jsonrpc import RpcError
from agentdyno.tools.launch import scope_of
from agentdyno.tools.link import LinkLost
from agentdyno.tools.pool import UpstreamPool
from agentdyno.tools.protocol import AGENT_META, TRIAL_META
from agentdyno.tools.replay import ToolReplay

LOCAL_TIMEOUT_S = 30.0
"""Seconds that one call of an in-process server may take."""
_STATE_TIMEOUT_S = 10.0


class ToolGateway:
    """Tools for every open trial, over any MCP servers and in-process ones: those of `local`, and
    `report_missing_tool` for agents that may report."""

    def __init__(self, local: Mapping[str, LocalServer] | None = None) -> None:
        self._local: dict[str, LocalServer] = {gaps.SERVER: gaps.GapServer()} | dict(local or {})
        self._pool = UpstreamPool()
        self._endpoint = Endpoint()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request (ASGI)."""
        await self._endpoint(scope, receive, send)

    async def start(self) -> None:
        """Nothing to do: servers start when a trial first needs them."""

    async def stop(self) -> None:
        """Close every trial that is still open and stop every server."""
        for trial_id in self._endpoint.open_trials():
            await self.close(trial_id)
        await self._pool.close()

    async def open(
        self, sink: Sink, agents: Sequence[AgentSpec], servers: Mapping[str, ToolServer],
        scenario_dir: Path, *, recorded: ToolRecording | None = None,
        faults: FaultPlan | None = None, approvals: Approvals | None = None,
    ) -> None:
        """Start what the agents of a trial need and record what each of them is offered.

        With `recorded` nothing is started: that recording answers, memory tools included, and what
        was decided about its calls is told again. The tool faults of `faults` are injected.
        Calls wait where `approvals` say so.

        Raises:
            UsageError: an agent names a tool or a server that does not exist, or an entry of
                `servers` cannot be resolved, or `recorded` was made with other tools.
            HarnessFault: a server cannot be started.
        """
        if recorded is not None:
            self._open_recorded(sink, agents, servers, recorded, faults)
            return
        named = servers_named(reference for agent in agents for reference in agent.tools)
        needed = {name: servers[name] for name in named if name in servers}
        upstreams = await self._pool.acquire(needed, scenario_dir)
        try:
            _refuse_dangling(agents, {name: u.tools for name, u in upstreams.items()}, servers)
        except UsageError:
            await self._pool.release(upstreams.values())
            raise
        started = sink.now()
        boxes = {
            agent.name: tool_box(
                agent, upstreams, needed, self._local, LOCAL_TIMEOUT_S, approvals
            )
            for agent in agents
        }
        _record_lists(sink, boxes, started)
        own = frozenset(
            name for name, server in needed.items()
            if scope_of(server) == "trial" and not upstreams[name].launch.url
        )
        self._endpoint.admit(OpenTrial(
            sink=sink, boxes=boxes, upstreams=upstreams,
            starts={name: upstream.starts for name, upstream in upstreams.items()},
            faults=ToolFaults(faults, sink, own) if faults else None, approvals=approvals,
        ))

    def _open_recorded(
        self, sink: Sink, agents: Sequence[AgentSpec], servers: Mapping[str, ToolServer],
        recorded: ToolRecording, faults: FaultPlan | None,
    ) -> None:
        replay = ToolReplay(sink, recorded)
        replay.check(agents, servers)
        started = sink.now()
        boxes = {agent.name: recorded_box(agent, replay) for agent in agents}
        _record_lists(sink, boxes, started)
        self._endpoint.admit(
            OpenTrial(sink=sink, boxes=boxes, upstreams={}, starts={}, replay=replay,
                      faults=ToolFaults(faults, sink, frozenset()) if faults else None)
        )

    def unused(self, trial_id: str) -> tuple[str, ...]:
        """Return one line for each recorded result that an open trial has not asked for."""
        trial = self._endpoint.trial(trial_id)
        return trial.replay.unused() if trial and trial.replay else ()

    async def close(self, trial_id: str) -> dict[str, Any]:
        """Refuse the trial from now on, cancel its calls, stop its servers.

        Returns the end state of every server that has one and was called, by server name. A trial
        that was never opened has none.
        """
        trial = await self._endpoint.dismiss(trial_id)
        if trial is None:
            return {}
        if trial.replay is not None:
            return trial.replay.end_state()
        try:
            return {
                name: state for name in sorted(trial.called & trial.upstreams.keys())
                if (state := await _end_state(trial, name)) is not None
            }
        finally:
            await self._pool.release(trial.upstreams.values())

    async def catalogue(
        self, servers: Mapping[str, ToolServer], scenario_dir: Path
    ) -> dict[str, Tools]:
        """Start every server and return its MCP tool objects by server name.

        Servers of scope `run` stay up for the trials to come.

        Raises:
            UsageError: an entry cannot be resolved.
            HarnessFault: a server cannot be started.
        """
        upstreams = await self._pool.acquire(servers, scenario_dir)
        tools = {name: upstream.tools for name, upstream in upstreams.items()}
        await self._pool.release(upstreams.values())
        return tools

    async def check(
        self, agents: Sequence[AgentSpec], servers: Mapping[str, ToolServer], scenario_dir: Path
    ) -> None:
        """Refuse tools that no server offers, naming the nearest that exists.

        Raises:
            UsageError: all dangling references, or an entry that cannot be resolved.
            HarnessFault: a server cannot be started.
        """
        named = servers_named(reference for agent in agents for reference in agent.tools)
        needed = {name: servers[name] for name in named if name in servers}
        _refuse_dangling(agents, await self.catalogue(needed, scenario_dir), servers)


def _record_lists(sink: Sink, boxes: Mapping[str, ToolBox], started_s: float) -> None:
    for agent, box in boxes.items():
        origins = tuple(f"{route.server}.{route.tool}" for route in box.routes.values())
        sink.record(ToolsListed(
            agent=agent, started_s=started_s, ended_s=sink.now(), tools=box.tools, origins=origins,
        ))


def _refuse_dangling(
    agents: Sequence[AgentSpec], offered: Mapping[str, Tools], servers: Mapping[str, ToolServer]
) -> None:
    known = dict.fromkeys(servers, ()) | dict(offered)
    problems = [
        f"agent {agent.name!r}: {problem}"
        for agent in agents for problem in dangling(agent.tools, known)
    ]
    if problems:
        raise UsageError("\n".join(problems), "correct `tools` in the scenario or the agent")


async def _end_state(trial: OpenTrial, name: str) -> Any:
    upstream, sink = trial.upstreams[name], trial.sink
    try:
        async with asyncio.timeout(_STATE_TIMEOUT_S):
            state = await upstream.state({TRIAL_META: sink.trial_id, AGENT_META: ""})
    except (LinkLost, RpcError, TimeoutError, ValueError, LookupError) as error:
        sink.end(Outcome.HARNESS_FAULT, f"the end state of server {name} was not given: {error!r}")
        return None
    meant = trial.faults is not None and name in trial.faults.crashed
    if upstream.launch.ours and upstream.starts != trial.starts[name] and not meant:
        sink.end(
            Outcome.HARNESS_FAULT, f"server {name} crashed during the trial and lost its state"
        )
    return state
