"""The ledger of what providers bill: on the disk before a call is made, corrected after it."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import psycopg

from agentdyno.core.errors import HarnessFault
from agentdyno.core.spend import DayTotals, Reservation, Spent
from agentdyno.store.attempt import Revive, attempt
from agentdyno.store.database import Pool

PAUSES_S = (0.0, 0.1, 0.5, 1.0, 2.0)
"""Waits before each new try while the database is away; a model call waits as long."""
_LOCK = 0x7370656E64
_log = logging.getLogger(__name__)

_RESERVE = """
    INSERT INTO spend (id, day, matrix_id, trial_id, agent, provider, model, billed, state,
                       reserved_tokens, reserved_usd)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'reserved', %s, %s)
    ON CONFLICT (id) DO NOTHING
"""
_SETTLE = """
    UPDATE spend SET
        state = %(state)s, provider = %(provider)s, model = %(model)s, ended_at = %(ended_at)s,
        prompt_tokens = %(prompt_tokens)s, completion_tokens = %(completion_tokens)s,
        cached_tokens = %(cached_tokens)s, cost_usd = %(cost_usd)s, billed = %(billed)s
    WHERE id = %(id)s
"""
_TOTALS = """
    SELECT count(*), coalesce(sum(counted_tokens), 0), coalesce(sum(counted_usd), 0), (
        SELECT coalesce(sum(extract(epoch FROM last - first)), 0) FROM (
            SELECT min(reserved_at) AS first, max(coalesce(ended_at, reserved_at)) AS last
            FROM spend WHERE day = %(day)s AND matrix_id <> %(matrix)s GROUP BY matrix_id
        ) AS run
    )
    FROM spend WHERE day = %(day)s AND id <> %(id)s
"""

Result = TypeVar("Result")
Change = dict[str, Any] | None
"""Columns of a call that has ended; null for one that was never made."""


def utc_today() -> date:
    """Return the day that spending counts for."""
    return datetime.now(UTC).date()


class SpendLedger:
    """What one run spends, in the table `spend`. Makes no connection before the first live call."""

    def __init__(
        self, pool: Pool, matrix_id: str, *,
        revive: Revive | None = None,
        pauses_s: Sequence[float] = PAUSES_S,
        today: Callable[[], date] = utc_today,
    ) -> None:
        """Write as run `matrix_id`; `revive` may restart a server that was killed."""
        self._pool = pool
        self._matrix_id = matrix_id
        self._revive = revive
        self._pauses_s = tuple(pauses_s)
        self._today = today
        self._ended: dict[str, Change] = {}
        self._task: asyncio.Task[None] | None = None

    async def reserve(
        self, entry: Reservation, *, totals: bool
    ) -> tuple[str, DayTotals | None]:
        """Write `entry` down before its call is made; it is on the disk when this returns.

        Args:
            entry: the call, at the most that it may take.
            totals: whether to say what else counts for this UTC day. Reservations that ask are
                made one after the other, over all processes, so that two calls that exceed a
                day's budget together cannot both see room.

        Returns:
            The ticket for `settle` or `cancel`, and the day's totals without this entry.

        Raises:
            HarnessFault: the database is away. Nothing may be spent that cannot be written down.
        """
        ticket = str(uuid.uuid4())
        day = self._today()
        row = [
            ticket, day, self._matrix_id, entry.trial_id, entry.agent, entry.provider,
            entry.model, entry.billed, entry.tokens, entry.cost_usd,
        ]

        async def alone(link: psycopg.AsyncConnection) -> None:
            await link.execute(_RESERVE, row)

        async def after_all_others(link: psycopg.AsyncConnection) -> tuple[list[str], DayTotals]:
            await link.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            written = await self._write_ended(link)
            await link.execute(_RESERVE, row)
            return written, await self._totals(link, day, ticket)

        try:
            if not totals:
                await self._attempt(alone)
                return ticket, None
            written, found = await self._attempt(after_all_others)
        except BaseException:
            # The server may have kept it all the same.
            self._end(ticket, None)
            raise
        self._forget(written)
        return ticket, found

    def settle(self, ticket: str, spent: Spent) -> None:
        """Note what a reserved call took; written soon, and before `close` returns."""
        self._end(ticket, {
            "id": ticket, "state": "settled" if spent.known else "estimated",
            "ended_at": datetime.now(UTC), **spent.model_dump(exclude={"known"}),
        })

    def cancel(self, ticket: str) -> None:
        """Take a reservation back: its call was not made."""
        self._end(ticket, None)

    async def close(self) -> None:
        """Write what is noted.

        Raises:
            HarnessFault: the database is away; those calls count with their reservations.
        """
        if self._task is not None:
            await self._task
        if self._ended:
            self._forget(await self._attempt(self._write_ended))

    def _end(self, ticket: str, change: Change) -> None:
        self._ended[ticket] = change
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_all(), name="spend-ledger")

    async def _write_all(self) -> None:
        # What ends while a transaction is under way shares the next one.
        while self._ended:
            try:
                self._forget(await self._attempt(self._write_ended))
            except HarnessFault as fault:
                # Kept: written with the next reservation, or told by `close`.
                _log.warning("%s", fault)
                return

    async def _write_ended(self, link: psycopg.AsyncConnection) -> list[str]:
        """Write all that has ended and return its tickets. Writing it twice does no harm."""
        ended = dict(self._ended)
        changes = [change for change in ended.values() if change is not None]
        cancelled = [ticket for ticket, change in ended.items() if change is None]
        if cancelled:
            await link.execute("DELETE FROM spend WHERE id = ANY(%s::uuid[])", [cancelled])
        if changes:
            async with link.cursor() as cursor:
                await cursor.executemany(_SETTLE, changes)
        return list(ended)

    def _forget(self, written: Sequence[str]) -> None:
        for ticket in written:
            self._ended.pop(ticket, None)

    async def _totals(
        self, link: psycopg.AsyncConnection, day: date, ticket: str
    ) -> DayTotals:
        rows = await link.execute(_TOTALS, {"day": day, "matrix": self._matrix_id, "id": ticket})
        found = await rows.fetchone()
        assert found is not None
        calls, tokens, cost, wall = found
        return DayTotals(
            calls=calls, tokens=int(tokens), cost_usd=float(cost), wall_s=float(wall)
        )

    async def _attempt(
        self, work: Callable[[psycopg.AsyncConnection], Awaitable[Result]]
    ) -> Result:
        return await attempt(
            self._pool, work, revive=self._revive, pauses_s=self._pauses_s, failure=_unwritten
        )


def _unwritten(reason: str) -> HarnessFault:
    return HarnessFault(
        f"The ledger of what is spent cannot be written: {reason}. No call that costs money "
        "is made without it.",
        "agentdyno db status, then the same run command again",
    )
