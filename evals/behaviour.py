"""Checks of what the team did, as the gateways saw it."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from agentdyno.core.canonical import canonical_json
from agentdyno.core.check import MailSentCheck, MemoryUsedCheck, ToolsCalledCheck
from agentdyno.core.check import ToolUse as Use
from agentdyno.core.event import ToolCall
from agentdyno.core.trial import Trial
from agentdyno.evals.finding import Finding, excerpt, failed, passed


def _name(call: ToolCall) -> str:
    return f"{call.server}.{call.tool}"


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"


def tools_called(trial: Trial, check: ToolsCalledCheck, folder: Path) -> Finding:
    """Compare the tool calls with what was asked for; names every deviation."""
    calls = [
        event for event in trial.events
        if event.kind == "tool_call" and check.agent in (None, event.agent)
    ]
    good = [call for call in calls if not call.is_error]
    faults = [
        *_missing(check, good),
        *(fault for use in check.calls for fault in _use_faults(use, calls)),
        *_forbidden(check.forbidden, calls),
    ]
    sequence = _list(_name(call) for call in good)
    if faults:
        return failed(f"{'; '.join(faults)} (called: {sequence})")
    return passed(f"called: {sequence}")


def _missing(check: ToolsCalledCheck, good: Sequence[ToolCall]) -> list[str]:
    names = [_name(call) for call in good]
    missing = [tool for tool in check.tools if tool not in names]
    if missing:
        return [f"never called successfully: {_list(missing)}"]
    if check.order:
        rest = iter(names)
        # `in` on an iterator consumes it up to the match: each tool is looked for after the last.
        late = next((tool for tool in check.tools if tool not in rest), None)
        if late is not None:
            return [f"{late} was not called in its place in {_list(check.tools)}"]
    return []


def _use_faults(use: Use, calls: Sequence[ToolCall]) -> list[str]:
    matching = [
        call for call in calls
        if _name(call) == use.tool and _holds(call.arguments, use.arguments)
    ]
    good = sum(not call.is_error for call in matching)
    what = f"{use.tool} {canonical_json(use.arguments) if use.arguments else ''}".strip()
    faults = []
    if good < use.min:
        seen = [canonical_json(call.arguments) for call in calls if _name(call) == use.tool]
        faults.append(
            f"{what} was called {good} times with success, not {use.min} or more; "
            f"arguments seen: {excerpt(_list(seen))}"
        )
    if use.max is not None and len(matching) > use.max:
        faults.append(f"{what} was called {len(matching)} times, not {use.max} or fewer")
    return faults


def _holds(arguments: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(key in arguments and same_json(arguments[key], wanted[key]) for key in wanted)


def same_json(one: Any, other: Any) -> bool:
    """Compare as JSON does: 1 is 1.0, but true is not 1, whatever Python says."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return bool(one == other)


def _forbidden(patterns: Sequence[str], calls: Sequence[ToolCall]) -> list[str]:
    tried = {
        _name(call) for call in calls if {_name(call), f"{call.server}.*"} & set(patterns)
    }
    return [f"forbidden, but tried: {_list(sorted(tried))}"] if tried else []


def mail_sent(trial: Trial, check: MailSentCheck, folder: Path) -> Finding:
    """Look for the mail in the mailbox's end state."""
    if check.server not in trial.end_state:
        return failed(f"server {check.server!r} left no end state")
    outbox = trial.end_state[check.server]["outbox"]
    reasons = [_mail_fault(mail, check) for mail in outbox]
    for mail, reason in zip(outbox, reasons, strict=True):
        if reason is None:
            return passed(f"mail {mail['id']} to {mail['to']}: {excerpt(mail['subject'])}")
    return failed("; ".join(reason for reason in reasons if reason) or "no mail was sent")


def _mail_fault(mail: dict[str, Any], check: MailSentCheck) -> str | None:
    recipients = {part.strip().lower() for part in re.split(r"[,;]", mail["to"])}
    if check.to.lower() not in recipients:
        return f"mail {mail['id']} went to {excerpt(mail['to'])}"
    for key, pattern in (("subject", check.subject), ("body", check.body)):
        if pattern is not None and not re.search(pattern, mail[key]):
            return f"mail {mail['id']}: no match of {pattern} in the {key} {excerpt(mail[key])}"
    return None


def memory_used(trial: Trial, check: MemoryUsedCheck, folder: Path) -> Finding:
    """Look for a search or write in the trial's memory."""
    accesses = [
        event for event in trial.events
        if event.kind == "memory_access" and event.operation == check.operation
        and check.agent in (None, event.agent)
    ]
    seen = _list(f"{a.agent} {excerpt(a.query, 80)} ({len(a.hits)} hits)" for a in accesses)
    matching = [a for a in accesses if check.text is None or re.search(check.text, a.query)]
    if any(len(access.hits) >= check.min_hits for access in matching):
        return passed(f"{check.operation}: {seen}")
    return failed(f"no such {check.operation}; seen: {seen}")
