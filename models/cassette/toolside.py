"""From a trial's events and raw exchanges to the recording of its tools."""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from agentdyno.core.event import Approval, MemoryAccess, ToolCall, ToolGap, ToolsListed, WireRecord
from agentdyno.core.recording import OfferedTool, RecordedResult, ToolRecording
from agentdyno.core.trial import Trial
from agentdyno.models.cassette.secrets import Scrubber

_OF_THE_GATEWAY = ("limit", "not_allowed")
"""Errors that the gateway makes by itself, in a replay as well."""
_MEMORY = "memory"
_GAPS = "gaps"


def tool_side(
    trial: Trial, wire: Sequence[WireRecord], scrubber: Scrubber
) -> ToolRecording | None:
    """Return what the trial's tools were and said; None when it does not tell whose they are."""
    lists = [event for event in trial.events if isinstance(event, ToolsListed)]
    if any(len(listed.origins) != len(listed.tools) for listed in lists):
        return None
    servers: defaultdict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    offered: dict[str, tuple[OfferedTool, ...]] = {}
    for listed in lists:
        offers = []
        for tool, origin in zip(listed.tools, listed.origins, strict=True):
            server, _, name = origin.partition(".")
            servers[server][name] = scrubber.value({**tool, "name": name})
            offers.append(OfferedTool(name=tool["name"], server=server, tool=name))
        offered[listed.agent] = tuple(offers)
    return ToolRecording(
        servers={name: tuple(tools.values()) for name, tools in servers.items()},
        offered=offered, results=_results(trial, wire, offered, scrubber),
        end_state=scrubber.value(trial.end_state),
    )


def _results(
    trial: Trial, wire: Sequence[WireRecord], offered: dict[str, tuple[OfferedTool, ...]],
    scrubber: Scrubber,
) -> tuple[RecordedResult, ...]:
    # By ordinal, which counts as calls arrive: of two that waited, the later may begin first.
    events = sorted(
        (event for event in trial.events if isinstance(event, ToolCall)), key=lambda e: e.ordinal
    )
    recordings: list[RecordedResult] = []
    calls = [record for record in wire if record.channel == "tool"]
    for record in sorted(calls, key=lambda record: record.started_s):
        params = json.loads(record.request)["params"]
        event = _event_of(record, params, events, offered)
        result = json.loads(record.response or "{}").get("result")
        if event is None:
            continue
        events.remove(event)
        if result is None or event.error_kind in _OF_THE_GATEWAY:
            continue
        recordings.append(RecordedResult(
            agent=event.agent, ordinal=event.ordinal, server=event.server, tool=event.tool,
            arguments=scrubber.value(event.arguments),
            result=scrubber.value({k: v for k, v in result.items() if k != "resultType"}),
            error_kind=event.error_kind, memory=_memory(trial, event, scrubber),
            gaps=_gaps(trial, event, scrubber), approvals=_approvals(trial, event, scrubber),
            duration_ms=round((event.ended_s - event.started_s) * 1000, 3),
        ))
    return tuple(recordings)


def _event_of(
    record: WireRecord, params: dict[str, Any], events: Sequence[ToolCall],
    offered: dict[str, tuple[OfferedTool, ...]],
) -> ToolCall | None:
    """Return the event of one exchange; both were begun in the same order."""
    origin = next(
        ((o.server, o.tool) for o in offered.get(record.agent, ()) if o.name == params["name"]),
        None,
    )
    arguments = params.get("arguments") or {}
    return next((
        event for event in events
        if event.agent == record.agent and event.arguments == arguments
        and (event.tool == params["name"] if origin is None
             else (event.server, event.tool) == origin)
    ), None)


def _memory(trial: Trial, call: ToolCall, scrubber: Scrubber) -> tuple[MemoryAccess, ...]:
    """Return what one call of a memory tool did."""
    if call.server != _MEMORY or call.is_error:
        return ()
    said = call.arguments.get("query") or call.arguments.get("text")
    return tuple(
        event.model_copy(update={"query": scrubber.text(event.query)}) for event in trial.events
        if isinstance(event, MemoryAccess) and event.agent == call.agent and event.query == said
        and call.started_s <= event.started_s and event.ended_s <= call.ended_s
    )[:1]


def _gaps(trial: Trial, call: ToolCall, scrubber: Scrubber) -> tuple[ToolGap, ...]:
    """Return what one call reported as missing."""
    if call.server != _GAPS or call.is_error:
        return ()
    asked = [tool["name"] for tool in call.arguments["missing_tools"]]
    return tuple(
        ToolGap.model_validate(scrubber.value(event.model_dump(mode="json")))
        for event in trial.events
        if isinstance(event, ToolGap) and event.agent == call.agent
        and [tool.name for tool in event.missing_tools] == asked
        and call.started_s <= event.started_s and event.ended_s <= call.ended_s
    )[:1]


def _approvals(trial: Trial, call: ToolCall, scrubber: Scrubber) -> tuple[Approval, ...]:
    """Return what was decided about one call, or logged of it."""
    return tuple(
        event.model_copy(update={
            "shown": scrubber.value(event.shown),
            "arguments": scrubber.value(event.arguments),
            "reason": scrubber.text(event.reason),
        })
        for event in trial.events
        if isinstance(event, Approval)
        and (event.agent, event.ordinal) == (call.agent, call.ordinal)
    )
