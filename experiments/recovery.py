"""Did a trial get over a fault? Pure functions of a faulty trial and its fault-free sibling.

A sibling has the same scenario, runner, seed and repeat, and no fault plan.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from agentdyno.core.canonical import canonical_json
from agentdyno.core.event import Fault, ModelCall, ModelTry, ToolCall
from agentdyno.core.trial import USER_SIMULATOR, Outcome, Trial
from agentdyno.evals.sideeffects import full_name, harmless, tool_calls, was_done

Status = Literal["recovered", "failed", "not_reached", "no_baseline", "harness_fault"]

_BENCH = (Outcome.HARNESS_FAULT, Outcome.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Duplicate:
    """A call with a side effect that was done more often than without the fault."""

    tool: str
    """`server.tool`."""
    arguments: dict[str, Any]
    times: int
    """How often it was done with exactly these arguments."""
    expected: int
    """How often it was done without the fault."""


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """What one fault, or several, did to one trial. Differences are to the sibling."""

    status: Status
    """`recovered`: completed, and passed every check that the sibling passed. `not_reached`: no
    fault was injected, which says nothing. `no_baseline`: the sibling did not get through either.
    """
    outcome: Outcome
    """How the faulty trial ended."""
    reason: str
    """Why it is not `recovered`; ""."""
    hits: int
    """Faults that were injected."""
    extra_model_calls: int
    extra_tool_calls: int
    gateway_tries: int
    """Further attempts that the gateway made by its own policy, within a call."""
    duplicates: tuple[Duplicate, ...]
    time_lost_s: float


def recovery(faulty: Trial, sibling: Trial) -> Recovery:
    """Compare a trial under a fault plan with its fault-free sibling.

    Raises:
        ValueError: the two are not siblings.
    """
    if _without_faults(faulty) != _without_faults(sibling) or sibling.key.faults:
        raise ValueError(f"trial {sibling.id} is no fault-free sibling of trial {faulty.id}")
    hits = sum(isinstance(event, Fault) for event in faulty.events)
    status, reason = _status(faulty, sibling, hits)
    return Recovery(
        status=status, outcome=faulty.outcome, reason=reason, hits=hits,
        extra_model_calls=_count(faulty, ModelCall) - _count(sibling, ModelCall),
        extra_tool_calls=_count(faulty, ToolCall) - _count(sibling, ToolCall),
        gateway_tries=sum(isinstance(e, ModelTry) and e.attempt > 1 for e in faulty.events),
        duplicates=duplicates(faulty, sibling),
        time_lost_s=faulty.duration_s - sibling.duration_s,
    )


def duplicates(faulty: Trial, sibling: Trial) -> tuple[Duplicate, ...]:
    """Return the side effects of `faulty` that `sibling` has fewer of, though at least one of.

    A call counts when it was done: it succeeded, or only its answer was lost (a timeout). Tools
    that say `readOnlyHint` or `idempotentHint` have no effect to double; a tool that says nothing
    has, as in the MCP specification.
    """
    effectless = harmless(faulty)
    done, usual = _done(faulty), _done(sibling)
    first = {
        (full_name(call), canonical_json(call.arguments)): call for call in tool_calls(faulty)
    }
    return tuple(
        Duplicate(tool=key[0], arguments=first[key].arguments, times=times, expected=usual[key])
        for key, times in done.items()
        if key[0] not in effectless and times > max(1, usual[key])
    )


def _status(faulty: Trial, sibling: Trial, hits: int) -> tuple[Status, str]:
    if sibling.outcome is not Outcome.COMPLETED:
        why = f"{sibling.outcome.value}, {sibling.reason}"
        return "no_baseline", f"does not get through without any fault either: {why}"
    if sibling.verdicts and not _passed(sibling):
        return "no_baseline", "passes no check without any fault either"
    if faulty.outcome in _BENCH:
        return "harness_fault", faulty.reason
    if not hits:
        return "not_reached", "the trial made no call that the fault could hit"
    if faulty.outcome is not Outcome.COMPLETED:
        return "failed", faulty.reason
    lost = sorted(_passed(sibling) - _passed(faulty))
    if lost:
        return "failed", f"completed, but failed {', '.join(lost)}"
    return "recovered", ""


def _passed(trial: Trial) -> frozenset[str]:
    return frozenset(v.check for v in trial.verdicts if v.status == "pass")


def _without_faults(trial: Trial) -> dict[str, Any]:
    return trial.key.model_dump(exclude={"faults"})


def _count(trial: Trial, kind: type[ModelCall] | type[ToolCall]) -> int:
    return sum(
        isinstance(event, kind) and event.agent != USER_SIMULATOR for event in trial.events
    )


def _done(trial: Trial) -> Counter[tuple[str, str]]:
    return Counter(
        (full_name(call), canonical_json(call.arguments))
        for call in tool_calls(trial) if was_done(call)
    )
