"""The desk where people decide about calls that wait: list them, look at one, decide once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.rows import class_row
from psycopg.types.json import Json

from agentdyno.core.approval import ApprovalRequest
from agentdyno.core.errors import UsageError
from agentdyno.store import audit
from agentdyno.store.database import Pool, connected

CHANNEL = "agentdyno_approval"
"""Where the database tells those who wait that something was decided."""
LOST_S = 30.0
"""Seconds of silence after which a run counts as gone; while it waits it is heard every few."""

ApprovalState = Literal["waiting", "approved", "rejected", "modified", "timed_out", "withdrawn"]
Settled = Literal["approved", "rejected", "modified"]

_VERBS: dict[Settled, str] = {
    "approved": "approve", "rejected": "reject", "modified": "modify",
}
_COLUMNS = f"""
    id, trial_id, state, request, asked_at, expires_at, seen_at, decided_at, decided_by, reason,
    arguments, state = 'waiting' AND (
        seen_at < clock_timestamp() - make_interval(secs => {LOST_S})
        OR expires_at < clock_timestamp()
    ) AS lost,
    extract(epoch FROM expires_at - clock_timestamp())::double precision AS left_s
"""
_SETTLE = """
    UPDATE approval SET
        state = %(state)s, decided_at = clock_timestamp(), decided_by = %(by)s,
        reason = %(reason)s, arguments = %(arguments)s
    WHERE id = %(id)s AND state = 'waiting' AND expires_at > clock_timestamp()
      AND seen_at > clock_timestamp() - make_interval(secs => %(lost)s)
    RETURNING pg_notify(%(channel)s, ticket::text), trial_id
"""
_LISTED = """
    WHERE %(all)s OR state = 'waiting'
    ORDER BY asked_at DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalRow:
    """One call that waits or waited."""

    id: int
    trial_id: str
    state: ApprovalState
    request: dict[str, Any]
    """An `ApprovalRequest` as JSON; see `asked`."""
    asked_at: datetime
    expires_at: datetime
    seen_at: datetime
    """When the run that asks was last heard of."""
    decided_at: datetime | None
    decided_by: str
    reason: str
    arguments: dict[str, Any] | None
    """Arguments that the call is made with, where they were changed."""
    lost: bool
    """Whether the run that asks has fallen silent: nobody would hear a decision."""
    left_s: float
    """Seconds until the policy decides."""

    @property
    def asked(self) -> ApprovalRequest:
        """What the person is to decide about."""
        return ApprovalRequest.model_validate(self.request)

    @property
    def open(self) -> bool:
        """Whether somebody may still decide, and would be heard."""
        return self.state == "waiting" and not self.lost

    @property
    def told(self) -> str:
        """How it stands, in words."""
        if self.state == "waiting":
            if self.lost:
                return f"lost: its run was last heard of at {self.seen_at:%H:%M:%S}"
            minutes, seconds = divmod(int(max(0.0, self.left_s)), 60)
            left = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
            return f"waiting, {left} left"
        if self.state == "withdrawn":
            return "withdrawn: its trial or call ended before anybody decided"
        when = f" at {self.decided_at:%H:%M:%S}" if self.decided_at else ""
        return f"{self.state} by {self.decided_by}{when}"


class ApprovalDesk:
    """Decisions of people, each made once, whoever comes first."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def list(self, *, all: bool = False, limit: int = 50) -> Sequence[ApprovalRow]:
        """Return the calls that wait, newest first; with `all` also those that no longer do.

        Raises:
            HarnessFault: the database is away.
        """
        return await self._rows(_LISTED, {"all": all, "limit": limit})

    async def get(self, number: int) -> ApprovalRow:
        """Return one call.

        Raises:
            UsageError: there is none of that number.
            HarnessFault: the database is away.
        """
        rows = await self._rows("WHERE id = %(id)s", {"id": number})
        if not rows:
            raise UsageError(f"there is no approval {number}.", "agentdyno approvals list --all")
        return rows[0]

    async def settle(
        self, number: int, state: Settled, *, by: str, reason: str = "",
        arguments: dict[str, Any] | None = None,
    ) -> ApprovalRow:
        """Decide about one call that waits, and write into the audit log who did; returns the call
        as it is then.

        Args:
            number: its id.
            state: the decision.
            by: who decides.
            reason: what the agent is told.
            arguments: all arguments of the call to make, with `modified`.

        Raises:
            UsageError: there is no such call, somebody decided before, nobody waits any more, or
                nobody is named.
            HarnessFault: the database is away.
        """
        async with connected(self._pool) as link:
            done = await link.execute(_SETTLE, {
                "id": number, "state": state, "by": by, "reason": reason, "lost": LOST_S,
                "arguments": None if arguments is None else Json(arguments),
                "channel": CHANNEL,
            })
            found = await done.fetchone()
            if found is not None:
                await audit.write(link, who=by, action=f"approval.{_VERBS[state]}",
                                  target=str(number), detail={
                                      "trial": found[1], "reason": reason, "arguments": arguments,
                                  })
        row = await self.get(number)
        if found is None:
            raise _refusal(row)
        return row

    async def _rows(self, where: str, values: dict[str, Any]) -> Sequence[ApprovalRow]:
        # Both halves are constants of this file.
        query = f"SELECT {_COLUMNS} FROM approval {where}"  # noqa: S608
        async with (
            connected(self._pool) as link,
            link.cursor(row_factory=class_row(ApprovalRow)) as rows,
        ):
            await rows.execute(query.encode(), values)
            return await rows.fetchall()


def _refusal(row: ApprovalRow) -> UsageError:
    """Return why a call cannot be decided about."""
    hint = f"agentdyno approvals show {row.id}"
    if row.state == "withdrawn":
        return UsageError(
            f"nobody waits for approval {row.id} any more: its trial has ended, or the call was "
            "given up before anybody decided.", hint,
        )
    if row.state == "timed_out" or (row.state == "waiting" and row.left_s <= 0):
        return UsageError(
            f"approval {row.id} has timed out: the scenario's policy has decided.", hint
        )
    if row.state == "waiting":
        return UsageError(
            f"nobody would hear of it: the run that asked for approval {row.id} was last heard of "
            f"at {row.seen_at:%H:%M:%S}, and it was probably killed.", "agentdyno approvals list",
        )
    assert row.decided_at is not None, "the table says when it was decided"
    return UsageError(
        f"approval {row.id} is decided already: {row.state} by {row.decided_by} at "
        f"{row.decided_at:%Y-%m-%d %H:%M:%S}.", hint,
    )
