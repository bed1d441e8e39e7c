"""Experiments in the store: what was planned, which trials belong to it, what each look said."""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from agentdyno.core.errors import UsageError
from agentdyno.store.database import Pool, connected

_LOCKS = 0x6578706D
"""First number of the advisory locks by which an experiment is run by one process at a time."""
_COLUMNS = sql.SQL("id, name, version, digest, definition, design, created_at, created_by")
_LIST = """
    SELECT e.name, e.version, e.created_at, count(l.look) AS looks, max(l.looked_at) AS looked_at
    FROM experiment e LEFT JOIN experiment_look l ON l.experiment = e.id
    GROUP BY e.id ORDER BY max(l.looked_at) DESC NULLS LAST, e.id DESC LIMIT %s
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentRow:
    """One version of an experiment."""

    id: int
    name: str
    version: int
    digest: str
    definition: dict[str, Any]
    """The `Experiment` as JSON."""
    design: dict[str, Any]
    """What was planned from it, as JSON."""
    created_at: datetime
    created_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LookRow:
    """One look at an experiment."""

    look: int
    """From 1."""
    matrix_id: str
    """The run that made its trials."""
    rounds: int
    """Repeats of every cell that there were by then."""
    said: dict[str, Any]
    """What was said then, as JSON."""
    looked_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedExperiment:
    """One line of a list."""

    name: str
    version: int
    created_at: datetime
    looks: int
    looked_at: datetime | None
    """None before the first look."""


class ExperimentStore:
    """Experiments in Postgres."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def list(self, limit: int = 100) -> Sequence[ListedExperiment]:
        """Return every version of every experiment, the ones looked at last first."""
        async with (
            connected(self._pool) as link,
            link.cursor(row_factory=class_row(ListedExperiment)) as cursor,
        ):
            await cursor.execute(_LIST, [limit])
            return await cursor.fetchall()

    async def find(self, name: str, version: int | None = None) -> ExperimentRow | None:
        """Return one version of an experiment, by default the newest; None when there is none."""
        query = sql.SQL(
            "SELECT {} FROM experiment WHERE name = %(name)s"
            " AND (%(version)s::int IS NULL OR version = %(version)s)"
            " ORDER BY version DESC LIMIT 1"
        ).format(_COLUMNS)
        async with (
            connected(self._pool) as link,
            link.cursor(row_factory=class_row(ExperimentRow)) as cursor,
        ):
            await cursor.execute(query, {"name": name, "version": version})
            return await cursor.fetchone()

    async def create(
        self, name: str, digest: str, definition: Mapping[str, Any], design: Mapping[str, Any],
        who: str,
    ) -> ExperimentRow:
        """Store the next version of an experiment and return it."""
        query = sql.SQL(
            "INSERT INTO experiment (name, version, digest, definition, design, created_by)"
            " SELECT %s, coalesce(max(version), 0) + 1, %s, %s, %s, %s FROM experiment"
            " WHERE name = %s RETURNING {}"
        ).format(_COLUMNS)
        async with (
            connected(self._pool) as link,
            link.cursor(row_factory=class_row(ExperimentRow)) as cursor,
        ):
            await cursor.execute(
                query, [name, digest, json.dumps(definition), json.dumps(design), who, name]
            )
            row = await cursor.fetchone()
            assert row is not None
            return row

    async def keep_look(
        self, experiment: int, look: LookRow, trials: Mapping[str, Sequence[str]]
    ) -> None:
        """Store a look with the ids of its trials by arm; those of earlier looks stay theirs."""
        pairs = [(arm, trial) for arm, ids in trials.items() for trial in ids]
        async with connected(self._pool) as link:
            await link.execute(
                "INSERT INTO experiment_look (experiment, look, matrix_id, rounds, said, looked_at)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                [experiment, look.look, look.matrix_id, look.rounds, json.dumps(look.said),
                 look.looked_at],
            )
            await link.execute(
                "INSERT INTO experiment_trial (experiment, look, arm, trial_id)"
                " SELECT %s, %s, * FROM unnest(%s::text[], %s::text[]) ON CONFLICT DO NOTHING",
                [experiment, look.look, [arm for arm, _ in pairs], [trial for _, trial in pairs]],
            )

    async def looks(self, experiment: int) -> Sequence[LookRow]:
        """Return the looks at one version of an experiment, in order."""
        async with (
            connected(self._pool) as link,
            link.cursor(row_factory=class_row(LookRow)) as cursor,
        ):
            await cursor.execute(
                "SELECT look, matrix_id, rounds, said, looked_at FROM experiment_look"
                " WHERE experiment = %s ORDER BY look", [experiment],
            )
            return await cursor.fetchall()

    async def trials(self, experiment: int) -> dict[str, tuple[str, ...]]:
        """Return the ids of the trials that belong to one version of an experiment, by arm."""
        async with connected(self._pool) as link:
            rows = await link.execute(
                "SELECT arm, array_agg(trial_id ORDER BY look, trial_id) FROM experiment_trial"
                " WHERE experiment = %s GROUP BY arm", [experiment],
            )
            return {arm: tuple(ids) async for arm, ids in rows}

    @contextlib.asynccontextmanager
    async def running(self, name: str) -> AsyncIterator[None]:
        """Hold an experiment for as long as this process runs it.

        Raises:
            UsageError: another process runs it.
        """
        async with connected(self._pool) as link:
            await link.set_autocommit(True)
            try:
                rows = await link.execute(
                    "SELECT pg_try_advisory_lock(%s, hashtext(%s))", [_LOCKS, name]
                )
                if (await rows.fetchone()) != (True,):
                    raise UsageError(
                        f"experiment {name!r} is being run by another process.",
                        f"wait for it, or: agentdyno experiment status {name}",
                    )
                try:
                    yield
                finally:
                    await _unlock(link, name)
            finally:
                if not link.closed:
                    await link.set_autocommit(False)


async def _unlock(link: psycopg.AsyncConnection[Any], name: str) -> None:
    # The server lets go of the lock by itself when the connection is gone.
    with contextlib.suppress(psycopg.OperationalError):
        await link.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [_LOCKS, name])
