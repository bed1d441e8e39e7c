"""One tools/call: allowed or not, within the limits or not, timed, recorded, never raising.

A call that waits for an approval begins when it is decided: waiting is no latency.
"""

import asyncio
from dataclasses import replace
from typing import Any

from agentdyno.core.errors import DynoError, HarnessFault
from agentdyno.core.event import ToolCall
from agentdyno.core.sink import ToolStarted
from agentdyno.core.trial import Outcome
from agentdyno.tools.approvals import annotated, clear
from agentdyno.tools.box import OpenTrial, Route
from agentdyno.tools.jsonrpc import RpcError
from agentdyno.tools.protocol import AGENT_META, TRIAL_META
from agentdyno.tools.replay import RecordedServer, ToolMiss
from agentdyno.tools.results import ToolReply, error_kind, shown_text, text_result
from agentdyno.tools.upstream import ServerCrashed, Upstream


async def metered_call(
    trial: OpenTrial, agent: str, name: str, arguments: dict[str, Any]
) -> dict[str, Any]:
    """Return the result for the agent and record the call.

    Cancelling it cancels the call at the server; the call is then recorded without a result.
    """
    sink = trial.sink
    started = sink.now()
    route = trial.boxes[agent].routes.get(name)
    over_limit = sink.calls("tool") >= sink.limits.max_tool_calls
    ordinal = sink.ordinal("tool", agent)
    reply: ToolReply | None = None
    if sink.watch is not None:
        sink.watch(ToolStarted(
            agent=agent, server=route.server if route else _owner(trial, name),
            tool=route.tool if route else name, arguments=arguments,
        ))
    try:
        if over_limit:
            reply = _over_limit(trial)
        elif route is None:
            reply = _not_allowed(trial, agent, name)
        else:
            trial.called.add(route.server)
            try:
                cleared = await clear(trial, agent, ordinal, route, arguments)
            finally:
                started = sink.now()
            if isinstance(cleared, ToolReply):
                reply = cleared
            else:
                reply = await _answer(trial, agent, ordinal, route, cleared.arguments)
                if cleared.note:
                    reply = replace(reply, result=annotated(reply.result, cleared.note))
        return reply.result
    finally:
        recorded_s = reply.recorded_s if reply else None
        sink.record(ToolCall(
            agent=agent, started_s=started, ordinal=ordinal,
            ended_s=sink.now() if recorded_s is None else started + recorded_s,
            source="server" if recorded_s is None else "recorded",
            server=route.server if route else _owner(trial, name),
            tool=route.tool if route else name, arguments=arguments,
            is_error=bool(reply and reply.result.get("isError")),
            error_kind=reply.kind if reply else None,
            result_text=shown_text(reply.result) if reply else "",
        ))


def _over_limit(trial: OpenTrial) -> ToolReply:
    limit = trial.sink.limits.max_tool_calls
    text = f"Refused: this trial may make {limit} tool calls, and all of them are used up."
    trial.sink.end(Outcome.LIMIT, f"a tool call beyond max_tool_calls ({limit}) was refused")
    return ToolReply(result=text_result(text, is_error=True), kind="limit")


def _not_allowed(trial: OpenTrial, agent: str, name: str) -> ToolReply:
    known = ", ".join(trial.boxes[agent].routes) or "none"
    text = f"There is no tool {name!r} for the agent {agent}. Its tools: {known}."
    return ToolReply(result=text_result(text, is_error=True), kind="not_allowed")


def _owner(trial: OpenTrial, name: str) -> str:
    """Return the server of a tool that exists but was not given to the agent, else ""."""
    for server, upstream in trial.upstreams.items():
        if any(tool["name"] == name for tool in upstream.tools):
            return server
    for server, tools in (trial.replay.servers if trial.replay else {}).items():
        if any(tool["name"] == name for tool in tools):
            return server
    return ""


async def _answer(
    trial: OpenTrial, agent: str, ordinal: int, route: Route, arguments: dict[str, Any]
) -> ToolReply:
    """Do the call, with whatever the trial's fault plan makes of it."""
    if trial.faults is None:
        return await _call(trial, agent, route, arguments)
    try:
        return await trial.faults.call(
            agent, ordinal, route.server, route.tool, route.target,
            lambda: _call(trial, agent, route, arguments),
        )
    except HarnessFault as fault:
        trial.sink.end(Outcome.HARNESS_FAULT, str(fault))
        return ToolReply(result=text_result(fault.message, is_error=True))


async def _call(
    trial: OpenTrial, agent: str, route: Route, arguments: dict[str, Any]
) -> ToolReply:
    if isinstance(route.target, RecordedServer):
        return _recorded(trial, agent, route, arguments)
    try:
        async with asyncio.timeout(route.timeout_s):
            result = await _target_call(trial, agent, route, arguments)
    except TimeoutError:
        text = (
            f"The tool {route.tool} gave no answer within {route.timeout_s:g} s; "
            "the call was cancelled."
        )
        return ToolReply(result=text_result(text, is_error=True), kind="timeout")
    except ServerCrashed as crash:
        return ToolReply(result=text_result(str(crash), is_error=True), kind="server_crash")
    except RpcError as error:
        kind = error_kind(route.schema, arguments, error.code)
        return ToolReply(result=text_result(str(error), is_error=True), kind=kind)
    if result.get("resultType", "complete") != "complete":
        text = f"The tool {route.tool} asks the user for input, which no trial can give."
        return ToolReply(result=text_result(text, is_error=True), kind="tool_error")
    if result.get("isError"):
        return ToolReply(result=result, kind=error_kind(route.schema, arguments))
    return ToolReply(result=result)


def _recorded(
    trial: OpenTrial, agent: str, route: Route, arguments: dict[str, Any]
) -> ToolReply:
    assert trial.replay is not None, "recorded routes stand in recorded trials alone"
    try:
        found = trial.replay.answer(agent, route.server, route.tool, arguments)
    except ToolMiss as miss:
        return ToolReply(result=text_result(str(miss), is_error=True))
    return ToolReply(
        result=found.result, kind=found.error_kind, recorded_s=found.duration_ms / 1000
    )


async def _target_call(
    trial: OpenTrial, agent: str, route: Route, arguments: dict[str, Any]
) -> dict[str, Any]:
    assert not isinstance(route.target, RecordedServer)
    if isinstance(route.target, Upstream):
        meta = {TRIAL_META: trial.sink.trial_id, AGENT_META: agent}
        return await route.target.call(route.tool, arguments, meta)
    try:
        text, is_error = await route.target.call(trial.sink, agent, route.tool, arguments)
    except (DynoError, OSError) as error:
        # A server inside the harness has no crash of its own: whatever it meets is the bench's.
        trial.sink.end(Outcome.HARNESS_FAULT, f"{route.server}.{route.tool}: {error}")
        raise ServerCrashed(f"The server {route.server} failed: {error}") from error
    return text_result(text, is_error=is_error)
