"""Approvers that need nobody: one that approves, one that rejects, one that follows a script."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar, Literal

from agentdyno.core.approval import ApprovalRequest, ApproverKind, Decision, ScriptedDecision
from agentdyno.core.canonical import canonical_json

_DECIDED: dict[str, Literal["approved", "rejected", "modified"]] = {
    "approve": "approved", "reject": "rejected", "modify": "modified",
}


def now() -> str:
    """Return the time of a decision that is made now: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class AutoApprover:
    """Approves every call at once."""

    kind: ClassVar[ApproverKind] = "auto"

    async def decide(self, request: ApprovalRequest) -> Decision:
        """Approve."""
        return Decision(decision="approved", decided_by=self.kind, decided_at=now())


class DenyingApprover:
    """Rejects every call at once."""

    kind: ClassVar[ApproverKind] = "deny"

    async def decide(self, request: ApprovalRequest) -> Decision:
        """Reject."""
        return Decision(
            decision="rejected", decided_by=self.kind, decided_at=now(),
            reason="every call of this kind is denied",
        )


class ScriptedApprover:
    """Says what a scenario's script says; rejects what the script does not know."""

    kind: ClassVar[ApproverKind] = "script"

    def __init__(self, script: Sequence[ScriptedDecision]) -> None:
        self._script = tuple(script)

    async def decide(self, request: ApprovalRequest) -> Decision:
        """Decide by the first entry that fits, after its `after_s`."""
        entry = next((entry for entry in self._script if _fits(entry, request)), None)
        if entry is None:
            return Decision(
                decision="rejected", decided_by=self.kind, decided_at=now(),
                reason="nobody is there who may approve this call",
            )
        await asyncio.sleep(entry.after_s)
        arguments = None if entry.arguments is None else {**request.arguments, **entry.arguments}
        return Decision(
            decision=_DECIDED[entry.decision], arguments=arguments, decided_by=self.kind,
            decided_at=now(), reason=entry.reason,
        )


def _fits(entry: ScriptedDecision, request: ApprovalRequest) -> bool:
    if entry.tool not in (f"{request.server}.{request.tool}", f"{request.server}.*"):
        return False
    # As JSON: 1, 1.0 and true are equal in Python.
    return all(
        name in request.arguments
        and canonical_json(request.arguments[name]) == canonical_json(value)
        for name, value in entry.when.items()
    )
