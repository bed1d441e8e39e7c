"""Runs under way, as their harnesses tell of them: progress, what is being said, and cancelling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.rows import class_row
from psycopg.types.json import Json

from agentdyno.core.errors import UsageError
from agentdyno.store import audit
from agentdyno.store.database import Pool, connected

LOST_S = 30.0
"""Seconds of silence after which a harness counts as gone; while it runs it is heard each second.
"""

LiveState = Literal["running", "cancelling", "lost"]

_BEAT = """
    INSERT INTO live_matrix (matrix_id, host, pid, stage, progress, running)
    VALUES (%(matrix)s, %(host)s, %(pid)s, %(stage)s, %(progress)s, %(running)s)
    ON CONFLICT (matrix_id) DO UPDATE SET
        seen_at = clock_timestamp(), stage = EXCLUDED.stage, progress = EXCLUDED.progress,
        running = EXCLUDED.running
    RETURNING cancels, cancelled_by
"""
_LOOK = "SELECT cancels, cancelled_by FROM live_matrix WHERE matrix_id = %s"
# Commands that tell nothing of themselves (tests, calibrations) have no row here.
_LIST = f"""
    SELECT m.id AS matrix_id, m.command, m.created_at, l.host, l.pid, l.seen_at, l.stage,
        l.progress, l.running, l.cancels, l.cancelled_by, l.cancelled_at,
        CASE WHEN l.seen_at < clock_timestamp() - make_interval(secs => {LOST_S}) THEN 'lost'
            WHEN l.cancels > 0 THEN 'cancelling'
            ELSE 'running' END AS state
    FROM matrix m JOIN live_matrix l ON l.matrix_id = m.id
    WHERE m.status = 'running' AND starts_with(m.id, %(id)s)
    ORDER BY m.created_at DESC LIMIT %(limit)s
"""  # noqa: S608
_CANCEL = """
    UPDATE live_matrix SET cancels = cancels + 1, cancelled_by = %s,
        cancelled_at = clock_timestamp()
    WHERE matrix_id = %s
"""
_LEAVE = "DELETE FROM live_matrix WHERE matrix_id = %s"
_GIVE_UP = """
    UPDATE matrix SET status = 'interrupted', finished_at = clock_timestamp()
    WHERE id = %s AND status = 'running'
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cancelled:
    """What a harness is asked to do."""

    times: int = 0
    """How often somebody asked: once finishes what runs, twice drops it."""
    by: str = ""
    """Who asked last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveMatrix:
    """One run under way, or one whose harness has fallen silent."""

    matrix_id: str
    command: str
    """As it was typed."""
    created_at: datetime
    state: LiveState
    """`lost`: nothing was heard for 30 s, so the harness was probably killed."""
    host: str
    """Where it runs."""
    pid: int
    seen_at: datetime
    """When it was heard last."""
    stage: str
    """What it does, in a few words."""
    progress: dict[str, dict[str, int]]
    """`planned`, `done`, `passed` and `faults` by runner, of what it runs; trials that were stored
    already stand under "" as `reused`."""
    running: list[dict[str, Any]]
    """Trials that run: `trial`, `situation`, `runner`, `variant`, `repeat`, `started_at`, `agent`,
    `doing`, `text` (the last characters that the agent said), `model_calls`, `tool_calls`."""
    cancels: int
    cancelled_by: str
    cancelled_at: datetime | None

    def total(self, what: Literal["planned", "done", "passed", "faults", "reused"]) -> int:
        """Return one number of `progress` over all runners."""
        return sum(counts.get(what, 0) for counts in self.progress.values())


class LiveBoard:
    """What runs at this moment."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def beat(
        self, matrix_id: str, *, host: str, pid: int, stage: str,
        progress: Mapping[str, Mapping[str, int]], running: Sequence[Mapping[str, Any]],
    ) -> Cancelled:
        """Tell of a run; returns whether somebody asked to cancel it.

        Raises:
            HarnessFault: the database is away.
        """
        async with connected(self._pool) as link:
            found = await (await link.execute(_BEAT, {
                "matrix": matrix_id, "host": host, "pid": pid, "stage": stage,
                "progress": Json(progress), "running": Json(running),
            })).fetchone()
        assert found is not None, "an INSERT that returns always returns"
        return Cancelled(times=found[0], by=found[1])

    async def look(self, matrix_id: str) -> Cancelled:
        """Return whether somebody asked to cancel a run; raises like `beat`."""
        async with connected(self._pool) as link:
            found = await (await link.execute(_LOOK, [matrix_id])).fetchone()
        return Cancelled(times=found[0], by=found[1]) if found else Cancelled()

    async def leave(self, matrix_id: str) -> None:
        """Take away what a run told of itself, once it has ended; raises like `beat`."""
        async with connected(self._pool) as link:
            await link.execute(_LEAVE, [matrix_id])

    async def list(self, prefix: str = "", *, limit: int = 50) -> list[LiveMatrix]:
        """Return the runs that have not ended, newest first, also those that are lost.

        Raises:
            HarnessFault: the database is away.
        """
        async with (
            connected(self._pool) as link,
            link.cursor(row_factory=class_row(LiveMatrix)) as rows,
        ):
            await rows.execute(_LIST.encode(), {"id": prefix, "limit": limit})
            return await rows.fetchall()

    async def cancel(self, prefix: str, *, by: str, reason: str = "") -> LiveMatrix:
        """Ask a run to stop: once to finish what runs, twice to drop it. One that is lost is
        marked as interrupted, since nobody would hear.

        Args:
            prefix: its id, or the beginning of it.
            by: who asks, for the audit log.
            reason: why.

        Returns:
            the run as it is then.

        Raises:
            UsageError: none or more than one runs whose id begins so, or nobody is named.
            HarnessFault: the database is away.
        """
        found = await self._find(prefix)
        lost = found.state == "lost"
        async with connected(self._pool) as link:
            if lost:
                changed = await link.execute(_GIVE_UP, [found.matrix_id])
                await link.execute(_LEAVE, [found.matrix_id])
            else:
                changed = await link.execute(_CANCEL, [by, found.matrix_id])
            if changed.rowcount:
                await audit.write(
                    link, who=by, action="matrix.give_up" if lost else "matrix.cancel",
                    target=found.matrix_id,
                    detail={"reason": reason, "times": found.cancels + 1},
                )
        if not changed.rowcount:
            raise UsageError(
                f"the run {found.matrix_id[:10]} has just ended.",
                "agentdyno cancel, to see what runs",
            )
        if lost:
            return found
        return next(iter(await self.list(found.matrix_id)), found)

    async def _find(self, prefix: str) -> LiveMatrix:
        found = await self.list(prefix, limit=3)
        if len(found) == 1:
            return found[0]
        if found:
            named = ", ".join(one.matrix_id[:10] for one in found)
            raise UsageError(
                f"more than one run begins with {prefix!r}: {named}.", "give more of its id"
            )
        raise UsageError(
            f"no run {prefix!r} is under way; one that has ended cannot be cancelled.",
            "agentdyno cancel, to see what runs",
        )
