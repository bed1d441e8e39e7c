"""Stored trials graded again: who counts, what replaced what."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row
from pydantic import TypeAdapter

from agentdyno.core.trial import Trial, Verdict
from agentdyno.store.database import Pool, connected
from agentdyno.store.rows import VERDICT_COLUMNS, decode, judged, to_json, verdict_rows

VERDICTS = TypeAdapter(tuple[Verdict, ...])

_STORED = """
    SELECT t.row_id, t.id, t.scenario, t.key ->> 'case' AS case,
           coalesce(m.settings -> 'scenarios', '[]') AS sources
    FROM trial t JOIN matrix m ON m.id = t.matrix_id
    WHERE NOT t.superseded
        AND (%(matrix)s::text IS NULL OR t.matrix_id = %(matrix)s)
        AND (%(runner)s::text IS NULL OR t.runner = %(runner)s)
    ORDER BY t.row_id
"""
_LOAD = """
    SELECT t.row_id, t.body::text, t.events::text, g.verdicts::text
    FROM trial t LEFT JOIN graded g ON g.trial = t.row_id AND g.grading = t.grading
    WHERE t.row_id = ANY(%s)
"""
_COUNT = """
    UPDATE trial SET grading = %(grading)s, passed = v.passed, failed = v.failed,
        undecided = v.undecided
    FROM unnest(%(trials)s::bigint[], %(passed)s::int[], %(failed)s::int[], %(undecided)s::int[])
        AS v (row_id, passed, failed, undecided)
    WHERE trial.row_id = v.row_id
"""
_HISTORY = """
    SELECT g.id, g.graded_at, g.command, g.harness, d.verdicts::text AS verdicts
    FROM graded d JOIN grading g ON g.id = d.grading JOIN trial t ON t.row_id = d.trial
    WHERE t.id = %s AND NOT t.superseded ORDER BY g.id
"""
_SEALED = """
    SELECT (body -> 'verdicts')::text FROM trial WHERE id = %s AND NOT superseded
"""
_COPY_VERDICTS = f"COPY verdict ({', '.join(VERDICT_COLUMNS)}) FROM STDIN"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredTrial:
    """One stored trial, without what it did."""

    row_id: int
    """This attempt of it, in this database."""
    id: str
    scenario: str
    """With `.ARRANGEMENT` at its end where it is one."""
    case: str | None
    """"" where the scenario has only itself; null in trials that were stored before cases were."""
    sources: list[str]
    """Names and paths of scenarios that its run was given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grading:
    """One `score` that changed the verdicts of a trial."""

    id: int
    graded_at: datetime
    command: str
    harness: str
    """Version of agentdyno."""
    verdicts: str
    """The trial's verdicts from then on, as JSON."""


class GradingStore:
    """Verdicts in Postgres, beside the trials that they are about.

    Every method raises `HarnessFault` when the database is away.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def stored(
        self, *, matrix: str | None = None, runner: str | None = None
    ) -> list[StoredTrial]:
        """Return the newest attempt of each stored trial, oldest first."""
        async with (
            connected(self._pool) as link,
            link.cursor(row_factory=class_row(StoredTrial)) as cursor,
        ):
            await cursor.execute(_STORED, {"matrix": matrix, "runner": runner})
            return await cursor.fetchall()

    async def load(self, row_ids: Sequence[int]) -> dict[int, tuple[Trial, tuple[Verdict, ...]]]:
        """Return by row the trials as they were sealed, and the verdicts that count now."""
        async with connected(self._pool) as link:
            rows = await (await link.execute(_LOAD, [list(row_ids)])).fetchall()
        found = {}
        for row, body, events, verdicts in rows:
            trial = decode(body, events)
            found[row] = trial, trial.verdicts if verdicts is None else read_verdicts(verdicts)
        return found

    async def begin(self, command: str, harness: str) -> int:
        """Record a grading and return its id."""
        async with connected(self._pool) as link:
            row = await (await link.execute(
                "INSERT INTO grading (command, harness) VALUES (%s, %s) RETURNING id",
                [command, harness],
            )).fetchone()
        assert row is not None
        return int(row[0])

    async def save(
        self, grading: int, changed: Sequence[tuple[int, tuple[Verdict, ...]]]
    ) -> None:
        """Make these the verdicts that count, by trial's row, all in one transaction."""
        if not changed:
            return
        rows = [row for row, _ in changed]
        counts = [judged(verdicts) for _, verdicts in changed]
        passed, failed, undecided = (list(column) for column in zip(*counts, strict=True))
        async with connected(self._pool) as link, link.cursor() as cursor:
            await cursor.execute(_COUNT, {
                "grading": grading, "trials": rows, "passed": passed, "failed": failed,
                "undecided": undecided,
            })
            await cursor.execute("DELETE FROM verdict WHERE trial = ANY(%s)", [rows])
            async with cursor.copy(_COPY_VERDICTS) as copy:
                for row, verdicts in changed:
                    for values in verdict_rows(verdicts):
                        await copy.write_row((row, *values))
            async with cursor.copy("COPY graded (trial, grading, verdicts) FROM STDIN") as copy:
                for row, verdicts in changed:
                    plain = ",".join(map(to_json, verdicts))
                    await copy.write_row((row, grading, f"[{plain}]"))

    async def history(self, trial_id: str) -> list[Grading]:
        """Return the gradings that changed the trial's verdicts, oldest first; its run's own is
        none of them."""
        async with (
            connected(self._pool) as link,
            link.cursor(row_factory=class_row(Grading)) as cursor,
        ):
            await cursor.execute(_HISTORY, [trial_id])
            return await cursor.fetchall()

    async def newest(self) -> int:
        """Return the number of the newest grading; 0 for none. Verdicts change with it alone."""
        async with connected(self._pool) as link:
            row = await (await link.execute("SELECT coalesce(max(id), 0) FROM grading")).fetchone()
        assert row is not None
        return int(row[0])

    async def sealed(self, trial_id: str) -> tuple[Verdict, ...]:
        """Return the verdicts that the run itself gave the trial."""
        async with connected(self._pool) as link:
            row = await (await link.execute(_SEALED, [trial_id])).fetchone()
        return read_verdicts(row[0]) if row else ()


def read_verdicts(text: str) -> tuple[Verdict, ...]:
    """Return the verdicts of their JSON text."""
    return VERDICTS.validate_python(json.loads(text))
