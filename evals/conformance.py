"""What must hold on the wire of every trial, whatever the scenario asks."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from agentdyno.core.event import ModelCall, WireRecord
from agentdyno.core.trial import USER_SIMULATOR, Trial, Verdict

NO_RETRIES = "conformance/no_retries"
"""Check that is appended to a trial whose framework tried again although it was told not to."""
_HUNG_UP = 499


def unasked_retries(trial: Trial, wire: Sequence[WireRecord]) -> tuple[ModelCall, ...]:
    """Return the model calls that repeat one which failed.

    A call is a retry when its client counts it as one (`x-stainless-retry-count`), or when it asks
    word for word what the same agent was refused just before: loops above the HTTP client start
    their count anew.
    """
    bodies = {
        (record.agent, record.started_s): record.request
        for record in wire if record.channel == "model"
    }
    found: list[ModelCall] = []
    refused: dict[str, Any] = {}
    for call in _calls(trial):
        asked = _parsed(bodies.get((call.agent, call.started_s), ""))
        if call.retry_count or (asked is not None and asked == refused.get(call.agent)):
            found.append(call)
        failed = call.status >= 400 and call.status != _HUNG_UP
        refused[call.agent] = asked if failed else None
    return tuple(found)


def conformance(trial: Trial, wire: Sequence[WireRecord]) -> tuple[Verdict, ...]:
    """Return a failed verdict for each rule of the bench that the framework broke."""
    if trial.key.retries == "as-shipped":
        return ()
    retries = unasked_retries(trial, wire)
    if not retries:
        return ()
    first = retries[0]
    reason = (
        f"{len(retries)} model calls were tried again by the framework, first call {first.ordinal}"
        f" of {first.agent}, although retries are the gateway's under --retries uniform"
    )
    return (Verdict(check=NO_RETRIES, status="fail", reason=reason),)


def swallowed(trial: Trial) -> tuple[str, ...]:
    """Return a note for each stream without an end that the framework took for a whole answer.

    There is none under `uniform`, where the gateway makes an error of it.
    """
    calls = list(_calls(trial))
    if trial.report.ended == "raised":
        # Whatever came last may be what the framework refused.
        calls = calls[:-1]
    return tuple(
        f"{trial.key.runner} took a stream without a finish reason for a whole answer:"
        f" call {call.ordinal} of {call.agent}"
        for call in calls if call.truncated and call.error is None
    )


def _calls(trial: Trial) -> Iterable[ModelCall]:
    calls = (event for event in trial.events if isinstance(event, ModelCall))
    return sorted(
        (call for call in calls if call.agent != USER_SIMULATOR), key=lambda call: call.started_s
    )


def _parsed(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
