"""Which raw exchange stands behind which event."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from agentdyno.core.event import Event, ModelCall, ToolCall, WireRecord


def paired(
    events: Sequence[Event], wire: Iterable[WireRecord]
) -> tuple[dict[int, WireRecord], tuple[WireRecord, ...]]:
    """Return the record of each model and tool call by the event's index in `events`, and the
    records that no event stands for, such as a call that was given up before it began."""
    models: defaultdict[tuple[str, float], list[int]] = defaultdict(list)
    tools: defaultdict[str, list[int]] = defaultdict(list)
    for at, event in enumerate(events):
        if isinstance(event, ModelCall):
            models[event.agent, event.started_s].append(at)
        elif isinstance(event, ToolCall):
            tools[event.agent].append(at)
    for indexes in tools.values():
        # By ordinal, which counts as calls arrive: of two that waited, the later may begin first.
        indexes.sort(key=lambda at: _ordinal(events[at]))
    found: dict[int, WireRecord] = {}
    alone: list[WireRecord] = []
    for record in sorted(wire, key=lambda record: (record.started_s, record.seq)):
        if record.channel == "tool":
            of_agent = tools[record.agent]
            one = next((at for at in of_agent if _is_of(events[at], record)), None)
        else:
            of_agent = models[record.agent, record.started_s]
            one = next(iter(of_agent), None)
        if one is None:
            alone.append(record)
            continue
        of_agent.remove(one)
        found[one] = record
    return found, tuple(alone)


def asked_tool(record: WireRecord) -> tuple[str, dict[str, Any]]:
    """Return name and arguments of a tools/call."""
    # The gateway keeps calls alone whose name is a text and whose arguments are an object.
    params = json.loads(record.request)["params"]
    return params["name"], params.get("arguments") or {}


def _is_of(event: Event, record: WireRecord) -> bool:
    assert isinstance(event, ToolCall)
    name, arguments = asked_tool(record)
    # `server__tool` where two servers of an agent share a name.
    return name in (event.tool, f"{event.server}__{event.tool}") and event.arguments == arguments


def _ordinal(event: Event) -> int:
    assert isinstance(event, ToolCall)
    return event.ordinal
