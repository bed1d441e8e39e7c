"""What a sealed trial made of each tool, as rows of the table `tool_use`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from agentdyno.core.event import Event, ToolCall

TOOL_COLUMNS = (
    "trial", "server", "tool", "calls", "injected", "refused", "invalid", "failed", "broken",
    "recorded", "seconds", "slowest_s",
)
ToolRow = tuple[str, str, int, int, int, int, int, int, int, float, float]

_COLUMN_OF = {
    "not_allowed": "refused", "rejected": "refused", "limit": "refused",
    "invalid_arguments": "invalid", "tool_error": "failed", "timeout": "broken",
    "server_crash": "broken",
}
_NAME = 200
"""Characters kept of a name: agents ask for tools that are not there, by any name."""
_HARD = re.compile("[\0\ud800-\udfff]")


@dataclass(kw_only=True, slots=True)
class _Use:
    calls: int = 0
    injected: int = 0
    refused: int = 0
    invalid: int = 0
    failed: int = 0
    broken: int = 0
    recorded: int = 0
    seconds: float = 0.0
    slowest_s: float = 0.0


def tool_rows(events: Iterable[Event]) -> tuple[ToolRow, ...]:
    """Return one row per tool that was called, in the order of TOOL_COLUMNS without the trial.

    Calls into which the harness put a fault say nothing of the tool and are counted apart.
    """
    faulted: set[tuple[str, int]] = set()
    calls: list[ToolCall] = []
    for event in events:
        # By kind, not isinstance: pydantic's metaclass makes that ten times dearer.
        if event.kind == "tool_call":
            calls.append(event)
        elif event.kind == "fault" and event.channel == "tool":
            faulted.add((event.agent, event.ordinal))
    used: dict[tuple[str, str], _Use] = {}
    for call in calls:
        use = used.setdefault((_name(call.server), _name(call.tool)), _Use())
        _count(use, call, injected=(call.agent, call.ordinal) in faulted)
    return tuple(
        (server, tool, use.calls, use.injected, use.refused, use.invalid, use.failed, use.broken,
         use.recorded, use.seconds, use.slowest_s)
        for (server, tool), use in used.items()
    )


def _count(use: _Use, call: ToolCall, *, injected: bool) -> None:
    use.calls += 1
    use.recorded += call.source == "recorded"
    if injected:
        use.injected += 1
        return
    if call.is_error:
        column = _COLUMN_OF[call.error_kind or "tool_error"]
        setattr(use, column, getattr(use, column) + 1)
    if call.source != "recorded":
        took = call.ended_s - call.started_s
        use.seconds += took
        use.slowest_s = max(use.slowest_s, took)


def _name(text: str) -> str:
    return _HARD.sub("\ufffd", text)[:_NAME]
