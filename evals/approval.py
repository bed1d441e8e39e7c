"""The check of what was decided about tool calls before they were made."""

from pathlib import Path

from agentdyno.core.canonical import canonical_json
from agentdyno.core.check import ApprovalCheck
from agentdyno.core.event import Approval
from agentdyno.core.trial import Trial
from agentdyno.evals.behaviour import same_json
from agentdyno.evals.finding import Finding, excerpt, failed, passed


def approval(trial: Trial, check: ApprovalCheck, folder: Path) -> Finding:
    """Look for a decision about a call of the tool; quotes what was decided."""
    decisions = [
        event for event in trial.events
        if isinstance(event, Approval) and f"{event.server}.{event.tool}" == check.tool
        and check.agent in (None, event.agent)
    ]
    fitting = [event for event in decisions if _fits(event, check)]
    seen = "; ".join(map(_told, decisions)) or "nothing"
    return (passed if bool(fitting) is not check.absent else failed)(f"decided: {seen}")


def _fits(event: Approval, check: ApprovalCheck) -> bool:
    return event.decision == check.decision and all(
        key in event.shown and same_json(event.shown[key], value)
        for key, value in check.arguments.items()
    )


def _told(event: Approval) -> str:
    who = f" by {event.decided_by}" if event.decided_by else ""
    why = f" ({excerpt(event.reason, 80)})" if event.reason else ""
    shown = excerpt(canonical_json(event.shown), 120)
    return f"{event.agent} {event.server}.{event.tool} {shown} {event.decision}{who}{why}"
