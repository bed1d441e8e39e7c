"""The store of sealed trials."""

import functools
import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from agentdyno.core.errors import HarnessFault, UsageError
from agentdyno.core.event import WireRecord
from agentdyno.core.trial import Outcome, Trial
from agentdyno.store.database import Pool, connected
from agentdyno.store.rows import (
    TRIAL_COLUMNS,
    VERDICT_COLUMNS,
    WIRE_COLUMNS,
    Record,
    TrialRow,
    decode,
    encode,
    unpack,
)
from agentdyno.store.toolrows import TOOL_COLUMNS

Trials = list[Trial]
Rows = list[TrialRow]
MatrixStatus = Literal["running", "finished", "interrupted", "failed"]

_RACES = 5
_ROW_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, TrialRow.__dataclass_fields__))
_LOAD = """
    SELECT t.id, t.body::text, t.events::text, g.verdicts::text
    FROM trial t LEFT JOIN graded g ON g.trial = t.row_id AND g.grading = t.grading
    WHERE t.id = ANY(%s) AND NOT t.superseded
"""

_LOOK = """
    SELECT w.id, nextval('trial_row_id_seq'), coalesce(t.attempt, 0), t.by_us, t.key_hash
    FROM unnest(%s::text[]) AS w (id) CROSS JOIN LATERAL (
        SELECT max(attempt) AS attempt, bool_or(matrix_id = %s) AS by_us, min(key_hash) AS key_hash
        FROM trial WHERE trial.id = w.id
    ) AS t
"""


class TrialStore:
    """Trials in Postgres. The newest attempt of a trial is the one that counts."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create_matrix(
        self, command: str, settings: Mapping[str, Any], matrix_id: str | None = None
    ) -> str:
        """Record a `run` command and return its id; an id that exists already is left alone."""
        matrix_id = matrix_id or uuid.uuid4().hex
        async with connected(self._pool) as link:
            await link.execute(
                "INSERT INTO matrix (id, command, settings, status) VALUES (%s, %s, %s, 'running')"
                " ON CONFLICT (id) DO NOTHING",
                [matrix_id, command, json.dumps(settings)],
            )
        return matrix_id

    async def finish_matrix(self, matrix_id: str, status: MatrixStatus) -> None:
        """Record how a `run` command ended."""
        async with connected(self._pool) as link:
            await link.execute(
                "UPDATE matrix SET status = %s, finished_at = now() WHERE id = %s",
                [status, matrix_id],
            )

    async def save(
        self, matrix_id: str, trials: Iterable[tuple[Trial, Sequence[WireRecord]]]
    ) -> int:
        """Store trials of one run in one durable transaction; returns how many were new.

        A trial that this run has stored before is left as it is. One that an earlier run stored
        gets the next attempt number, and the earlier attempts are kept but superseded.

        Raises:
            HarnessFault: an id is stored already with another key, or the run is unknown.
            psycopg.OperationalError: the database went away; nothing of this call is stored.
        """
        return await self.save_records(matrix_id, [encode(*pair) for pair in trials])

    async def save_records(self, matrix_id: str, records: Sequence[Record]) -> int:
        """Like `save`, for trials that are encoded already."""
        wanted = {record.id: record for record in sorted(records, key=lambda record: record.id)}
        for race in range(_RACES):
            try:
                async with self._pool.connection() as link:
                    return await _insert(link, matrix_id, wanted)
            except psycopg.errors.UniqueViolation:
                # Another run stored one of these between our look and our write.
                if race == _RACES - 1:
                    raise
            except psycopg.errors.ForeignKeyViolation as error:
                raise HarnessFault(f"There is no run {matrix_id} in this database.") from error
        raise AssertionError("unreachable")

    async def stored(self, ids: Collection[str], *, without: Collection[Outcome] = ()) -> set[str]:
        """Return which of `ids` are stored with an outcome that is not in `without`."""
        async with connected(self._pool) as link:
            rows = await link.execute(
                "SELECT id FROM trial WHERE id = ANY(%s) AND NOT superseded"
                " AND NOT outcome = ANY(%s)",
                [list(ids), [outcome.value for outcome in without]],
            )
            return {row[0] async for row in rows}

    async def get(self, id_or_prefix: str) -> Trial:
        """Return the trial with this id or the only one whose id starts so.

        Raises:
            UsageError: there is none or more than one; with the nearest ids.
        """
        trial_id = await self.find(id_or_prefix)
        return (await self.load([trial_id]))[0]

    async def find(self, prefix: str) -> str:
        """Return the full id of the only trial whose id starts with `prefix`.

        Raises:
            UsageError: there is none or more than one; with the nearest ids.
        """
        async with connected(self._pool) as link:
            rows = await link.execute(
                "SELECT id FROM trial WHERE starts_with(id, %s) AND NOT superseded"
                " ORDER BY id LIMIT 6", [prefix],
            )
            found = [row[0] for row in await rows.fetchall()]
            if found and (len(found) == 1 or found[0] == prefix):
                return str(found[0])
            near = found or await _neighbours(link, prefix)
        if not near:
            raise UsageError("No trial is stored yet.", "agentdyno run")
        what = f"More than one trial starts with {prefix!r}" if found else f"No trial {prefix!r}"
        raise UsageError(f"{what}; nearest: {', '.join(near)}", f"agentdyno show {near[0]}")

    async def load(self, ids: Sequence[str]) -> Trials:
        """Return the newest attempt of each stored trial of `ids`, in that order, with the verdicts
        of its newest grading."""
        async with connected(self._pool) as link:
            rows = await link.execute(_LOAD, [list(ids)])
            found = {row[0]: decode(*row[1:]) async for row in rows}
        return [found[trial_id] for trial_id in dict.fromkeys(ids) if trial_id in found]

    async def list(
        self, *, scenario: str | None = None, runner: str | None = None,
        outcome: Outcome | None = None, matrix_id: str | None = None, limit: int = 100,
    ) -> Rows:
        """Return the newest attempts, newest first, at most `limit` of them."""
        wanted = {"scenario": scenario, "runner": runner, "outcome": outcome,
                  "matrix_id": matrix_id}
        given = {name: value for name, value in wanted.items() if value is not None}
        query = sql.SQL("SELECT {} FROM trial WHERE NOT superseded{} ORDER BY row_id DESC LIMIT %s")
        where = sql.SQL("").join(
            sql.SQL(" AND {} = %s").format(sql.Identifier(name)) for name in given
        )
        async with (
            connected(self._pool) as link,
            link.cursor(row_factory=class_row(TrialRow)) as cursor,
        ):
            await cursor.execute(query.format(_ROW_COLUMNS, where), [*given.values(), limit])
            return await cursor.fetchall()

    async def wire(self, trial_id: str) -> tuple[WireRecord, ...]:
        """Return the raw exchanges of the newest attempt of `trial_id`; none when it had none."""
        async with connected(self._pool) as link:
            rows = await link.execute(
                "SELECT w.body FROM wire w JOIN trial t ON t.row_id = w.trial"
                " WHERE t.id = %s AND NOT t.superseded", [trial_id],
            )
            row = await rows.fetchone()
        return unpack(row[0]) if row else ()


async def _insert(
    link: psycopg.AsyncConnection, matrix_id: str, wanted: Mapping[str, Record]
) -> int:
    rows = await link.execute(_LOOK, [list(wanted), matrix_id])
    new: list[tuple[int, int, Record]] = []
    older: list[str] = []
    async for trial_id, row_id, attempt, by_us, key_hash in rows:
        if key_hash not in (None, wanted[trial_id].key_hash):
            raise HarnessFault(f"Trial id {trial_id} is stored already with another key.")
        if not by_us:
            new.append((row_id, attempt + 1, wanted[trial_id]))
            if attempt:
                older.append(trial_id)
    if not new:
        return 0
    if older:
        await link.execute(
            "UPDATE trial SET superseded = true WHERE id = ANY(%s) AND NOT superseded", [older]
        )
    await _copy(link, "trial", TRIAL_COLUMNS, [
        (n, r.id, attempt, matrix_id, r.key_hash, *r.columns) for n, attempt, r in new
    ])
    await _copy(link, "verdict", VERDICT_COLUMNS,
                [(n, *v) for n, _, r in new for v in r.verdicts])
    await _copy(link, "wire", WIRE_COLUMNS, [(n, *r.wire) for n, _, r in new if r.wire])
    await _copy(link, "tool_use", TOOL_COLUMNS, [(n, *row) for n, _, r in new for row in r.tools])
    return len(new)


async def _copy(
    link: psycopg.AsyncConnection, table: str, columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
) -> None:
    if rows:
        async with link.cursor() as cursor, cursor.copy(_copy_command(table, columns)) as copy:
            for row in rows:
                await copy.write_row(row)


@functools.cache
def _copy_command(table: str, columns: Sequence[str]) -> sql.Composed:
    return sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )


async def _neighbours(link: psycopg.AsyncConnection, prefix: str) -> list[str]:
    rows = await link.execute(
        "(SELECT id FROM trial WHERE id < %(p)s AND NOT superseded ORDER BY id DESC LIMIT 2)"
        " UNION ALL (SELECT id FROM trial WHERE id > %(p)s AND NOT superseded ORDER BY id LIMIT 2)",
        {"p": prefix},
    )
    return [row[0] async for row in rows]
