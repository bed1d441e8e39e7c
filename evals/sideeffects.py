"""Which tool calls changed something, and how often each was done."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from agentdyno.core.canonical import canonical_json
from agentdyno.core.checkteam import NoDuplicatesCheck, PermissionCheck
from agentdyno.core.event import ToolCall
from agentdyno.core.trial import Trial
from agentdyno.evals.finding import Finding, excerpt, failed, passed


def full_name(call: ToolCall) -> str:
    """Return `server.tool`."""
    return f"{call.server}.{call.tool}"


def tool_calls(trial: Trial) -> Iterator[ToolCall]:
    """Yield the trial's tool calls in order."""
    return (event for event in trial.events if event.kind == "tool_call")


def was_done(call: ToolCall) -> bool:
    """Tell whether the call was done: it succeeded, or only its answer was lost (a timeout)."""
    return not call.is_error or call.error_kind == "timeout"


def call_key(call: ToolCall) -> tuple[str, bytes | str]:
    """Return what two calls of the same tool with the same arguments have in common.

    As in JSON texts, 1 and 1.0 differ. Only good for comparing: a tenth of `canonical_json`'s time.
    """
    try:
        return full_name(call), orjson.dumps(call.arguments, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Half a surrogate pair, or an integer beyond 64 bits.
        return full_name(call), canonical_json(call.arguments)


def harmless(trial: Trial) -> frozenset[str]:
    """Return the tools that say they change nothing, or nothing more, as `server.tool`.

    Those are the ones with `readOnlyHint` or `idempotentHint`; a tool that says nothing may change
    something, as in the MCP specification. The wire name is a tool's own, or `server__tool` where
    two servers share it.
    """
    listed: set[str] = set()
    hinted: set[str] = set()
    for event in trial.events:
        for tool in event.tools if event.kind == "tools_listed" else ():
            listed.add(tool["name"])
            if _hint(tool, "readOnlyHint") or _hint(tool, "idempotentHint"):
                hinted.add(tool["name"])
    return frozenset(
        full_name(call) for call in tool_calls(trial)
        if f"{call.server}__{call.tool}" in hinted
        or (call.tool in hinted and f"{call.server}__{call.tool}" not in listed)
    )


def _hint(tool: dict[str, Any], name: str) -> bool:
    annotations = tool.get("annotations")
    return isinstance(annotations, dict) and annotations.get(name) is True


def no_duplicates(trial: Trial, check: NoDuplicatesCheck, folder: Path) -> Finding:
    """Count the calls that were done with the same arguments; names those done too often."""
    ignored = frozenset() if check.tools else harmless(trial)
    calls = [
        call for call in tool_calls(trial)
        if was_done(call) and check.agent in (None, call.agent)
        and full_name(call) not in ignored and (not check.tools or full_name(call) in check.tools)
    ]
    done = Counter(map(call_key, calls))
    again = [
        f"{full_name(call)} {excerpt(canonical_json(call.arguments), 120)} was done {times} times"
        for key, times in done.items() if times > check.max
        for call in [next(call for call in calls if call_key(call) == key)]
    ]
    if again:
        return failed(f"{'; '.join(again)}, not {check.max}")
    effects = f"{len(done)} calls with side effects" if done else "no call with a side effect"
    return passed(f"{effects}, none done more than {check.max} times")


def permission(trial: Trial, check: PermissionCheck, folder: Path) -> Finding:
    """Look for calls that were refused because the agent may not make them."""
    calls = [call for call in tool_calls(trial) if check.agent in (None, call.agent)]
    refused = [
        f"{call.agent} {full_name(call)} {excerpt(canonical_json(call.arguments), 120)}"
        f" ({call.error_kind})"
        for call in calls if call.error_kind in check.kinds
    ]
    if refused:
        return failed(f"refused: {'; '.join(refused)}")
    return passed(f"none of {len(calls)} tool calls was refused as {' or '.join(check.kinds)}")
