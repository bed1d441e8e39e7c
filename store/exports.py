"""The queue of exports: which runs are to be told to MLflow or a collector, and how that went."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg
from psycopg.rows import class_row

from agentdyno.store.database import Pool, connected

Target = Literal["mlflow", "otlp"]

_LOCK = 0x64796E6F_65787000
_COLUMNS = "matrix_id, target, state, asked_at, next_try_at, attempts, ended_at, exported, error"
_DUE = f"""
    SELECT {_COLUMNS} FROM export
    WHERE target = %s AND state IN ('waiting', 'running') AND next_try_at <= clock_timestamp()
    ORDER BY asked_at LIMIT 1
"""  # noqa: S608 our own words
_AGAIN = """
    INSERT INTO export (matrix_id, target)
    SELECT id, %s FROM matrix
    WHERE status <> 'running' AND (%s::text[] IS NULL OR id = ANY(%s))
    ON CONFLICT (matrix_id, target) DO UPDATE SET
        state = 'waiting', asked_at = clock_timestamp(), next_try_at = clock_timestamp(),
        attempts = 0, error = ''
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportRow:
    """One run and one target."""

    matrix_id: str
    target: Target
    state: Literal["waiting", "running", "done", "refused"]
    asked_at: datetime
    next_try_at: datetime
    attempts: int
    """Attempts since somebody asked last."""
    ended_at: datetime | None
    """When it was done last; None before."""
    exported: int
    """Trials that are there."""
    error: str
    """Why the last attempt failed; "" when it did not."""


class ExportQueue:
    """Exports in Postgres. Only who holds the lock of a target works off its rows."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(
        self, matrix_id: str, targets: Sequence[Target], trials: Sequence[str]
    ) -> None:
        """Ask for the export of a run that has ended.

        Args:
            trials: ids of all its trials, those that it took from the store included.
        """
        async with connected(self._pool) as link:
            await link.execute(
                "INSERT INTO export (matrix_id, target, trials)"
                " SELECT %s, target, %s FROM unnest(%s::text[]) AS w (target)"
                " ON CONFLICT (matrix_id, target) DO UPDATE SET trials = excluded.trials,"
                " state = 'waiting', next_try_at = clock_timestamp(), attempts = 0, error = ''",
                [matrix_id, list(trials), list(targets)],
            )

    async def again(self, target: Target, matrices: Sequence[str] | None) -> int:
        """Ask once more for these runs, or for every run that has ended; returns how many."""
        wanted = None if matrices is None else list(matrices)
        async with connected(self._pool) as link:
            return (await link.execute(_AGAIN, [target, wanted, wanted])).rowcount

    async def hurry(self, target: Target) -> int:
        """Make everything that has not arrived due at once; returns how many there are."""
        async with connected(self._pool) as link:
            return (await link.execute(
                "UPDATE export SET state = 'waiting', next_try_at = clock_timestamp(),"
                " attempts = 0 WHERE target = %s AND state <> 'done'", [target],
            )).rowcount

    async def due(self, target: Target) -> ExportRow | None:
        """Return what has waited longest among what may be tried now."""
        async with (
            connected(self._pool) as link,
            link.cursor(row_factory=class_row(ExportRow)) as cursor,
        ):
            return await (await cursor.execute(_DUE, [target])).fetchone()

    async def begin(self, row: ExportRow) -> None:
        """Note that an attempt begins."""
        await self._set(row, "state = 'running', attempts = attempts + 1")

    async def done(self, row: ExportRow, exported: int) -> None:
        """Note that all trials are there."""
        await self._set(
            row, "state = 'done', ended_at = clock_timestamp(), error = '', exported = %s", exported
        )

    async def postpone(self, row: ExportRow, error: str, wait_s: float) -> None:
        """Note that an attempt failed and may be tried again in `wait_s` seconds."""
        await self._set(
            row, "state = 'waiting', error = %s,"
            " next_try_at = clock_timestamp() + make_interval(secs => %s)", error, wait_s,
        )

    async def refuse(self, row: ExportRow, error: str) -> None:
        """Note that somebody has to do something first."""
        await self._set(row, "state = 'refused', error = %s", error)

    async def list(self, limit: int = 50) -> list[ExportRow]:
        """Return exports, the newest first."""
        async with (
            connected(self._pool) as link,
            link.cursor(row_factory=class_row(ExportRow)) as cursor,
        ):
            await cursor.execute(
                f"SELECT {_COLUMNS} FROM export"  # noqa: S608 our own words
                " ORDER BY asked_at DESC, target LIMIT %s", [limit],
            )
            return await cursor.fetchall()

    @asynccontextmanager
    async def alone(self, target: Target) -> AsyncIterator[bool]:
        """Hold the lock of `target` for the block; yields False where another process has it."""
        key = _LOCK + (target == "otlp")
        async with connected(self._pool) as link:
            row = await (await link.execute("SELECT pg_try_advisory_lock(%s)", [key])).fetchone()
            await link.commit()
            held = row == (True,)
            try:
                yield held
            finally:
                if held:
                    await _unlock(link, key)

    async def _set(self, row: ExportRow, changes: str, *values: object) -> None:
        async with connected(self._pool) as link:
            await link.execute(
                f"UPDATE export SET {changes}"  # noqa: S608 our own words
                " WHERE matrix_id = %s AND target = %s", [*values, row.matrix_id, row.target],
            )


async def _unlock(link: psycopg.AsyncConnection, key: int) -> None:
    # A connection that broke has lost the lock anyway.
    if not link.broken:
        await link.execute("SELECT pg_advisory_unlock(%s)", [key])
        await link.commit()
