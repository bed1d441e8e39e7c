"""What pages over many trials are made of: aggregates that the database computes.

Everything here counts the newest attempt of each trial, with the verdicts that count now.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from agentdyno.store.database import Pool, connected

_REVISION = """
    SELECT (SELECT max(row_id) FROM trial), (SELECT max(id) FROM grading),
           (SELECT count(*) FROM matrix), (SELECT count(finished_at) FROM matrix)
"""
# `passed` is what `experiments.measured` calls so: verdicts, and all of them pass.
_CELLS = """
    SELECT
        scenario, case_name, runner, runner_version, variant, model, tools, retries, faults,
        approver, stream, count(*) AS trials,
        count(*) FILTER (WHERE outcome NOT IN ('harness_fault', 'cancelled')) AS counted,
        count(*) FILTER (
            WHERE outcome NOT IN ('harness_fault', 'cancelled')
                AND passed > 0 AND failed = 0 AND undecided = 0
        ) AS passed,
        count(*) FILTER (WHERE undecided > 0) AS undecided,
        count(*) FILTER (WHERE outcome = 'harness_fault') AS harness_faults,
        count(*) FILTER (WHERE outcome = 'agent_fault') AS agent_faults,
        count(*) FILTER (WHERE outcome = 'limit') AS limits,
        sum(gaps) AS gaps, max(row_id) AS newest,
        bool_and(wire_digest <> '') FILTER (
            WHERE outcome NOT IN ('harness_fault', 'cancelled')
        ) AND min(wire_digest) FILTER (WHERE outcome NOT IN ('harness_fault', 'cancelled'))
            = max(wire_digest) FILTER (WHERE outcome NOT IN ('harness_fault', 'cancelled'))
            AS alike
    FROM trial
    WHERE NOT superseded AND (%(matrix)s::text IS NULL OR matrix_id = %(matrix)s)
    GROUP BY scenario, case_name, runner, runner_version, variant, model, tools, retries, faults,
        approver, stream
"""
_MATRICES = """
    SELECT m.id, m.created_at, m.finished_at, m.command, m.status, t.*
    FROM (SELECT * FROM matrix ORDER BY created_at DESC LIMIT %s) AS m, LATERAL (
        SELECT
            count(*) AS trials,
            count(*) FILTER (WHERE outcome NOT IN ('harness_fault', 'cancelled')) AS counted,
            count(*) FILTER (
                WHERE outcome NOT IN ('harness_fault', 'cancelled')
                    AND passed > 0 AND failed = 0 AND undecided = 0
            ) AS passed,
            count(*) FILTER (WHERE undecided > 0) AS undecided,
            count(*) FILTER (WHERE outcome = 'harness_fault') AS harness_faults,
            coalesce(array_agg(DISTINCT scenario), '{}') AS scenarios,
            coalesce(array_agg(DISTINCT runner), '{}') AS runners,
            sum(cost_usd) AS cost_usd
        FROM trial WHERE matrix_id = m.id
    ) AS t
    ORDER BY m.created_at DESC
"""
_NAMES = """
    SELECT id, created_at FROM matrix m
    WHERE EXISTS (SELECT FROM trial WHERE matrix_id = m.id)
    ORDER BY created_at DESC LIMIT %s
"""

# Siblings are those trials whose key differs in its faults alone.
_FAULTY = """
    WITH faulty AS (
        SELECT id, key - 'faults' AS key FROM trial
        WHERE NOT superseded AND scenario = %(scenario)s AND retries = %(retries)s AND faults <> ''
            AND (%(matrix)s::text IS NULL OR matrix_id = %(matrix)s)
        ORDER BY row_id DESC LIMIT %(limit)s
    )
    SELECT id FROM faulty
    UNION
    SELECT t.id FROM trial t
    WHERE NOT t.superseded AND t.scenario = %(scenario)s AND t.retries = %(retries)s
        AND t.faults = '' AND t.key - 'faults' IN (SELECT key FROM faulty)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellRow:
    """Trials of one case on one runner version under the same conditions."""

    scenario: str
    case_name: str
    runner: str
    runner_version: str
    variant: str
    model: str
    tools: str
    retries: str
    faults: str
    """Name and content hash of the fault plan; "" for none."""
    approver: str
    stream: bool
    trials: int
    counted: int
    """Those that the bench did not spoil and nobody cancelled."""
    passed: int
    """Of `counted`: every check passed."""
    undecided: int
    """Trials with a verdict that is inconclusive or in error."""
    harness_faults: int
    agent_faults: int
    limits: int
    gaps: int
    """Reports of missing tools."""
    newest: int
    """Row of the newest trial."""
    alike: bool | None
    """Whether all that count sent the same; null where none counts."""

    @property
    def situation(self) -> str:
        """Return `scenario:case`, or the scenario alone."""
        return f"{self.scenario}:{self.case_name}" if self.case_name else self.scenario


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRow:
    """One `run` command and what it executed."""

    id: str
    created_at: datetime
    finished_at: datetime | None
    command: str
    status: str
    trials: int
    """Executed by it; what it found stored already belongs to the run that executed that."""
    counted: int
    passed: int
    undecided: int
    harness_faults: int
    scenarios: list[str]
    runners: list[str]
    cost_usd: float | None
    """Sum over trials; None where nobody bills."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialLine:
    """One trial in a short list."""

    id: str
    scenario: str
    case_name: str
    runner: str
    runner_version: str
    variant: str
    outcome: str
    reason: str
    started_at: datetime
    passed: int
    failed: int
    undecided: int


class Reading:
    """Aggregates of Postgres. Every method raises `HarnessFault` when the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def revision(self) -> tuple[int | None, ...]:
        """Return what changes when a trial or a grading comes, or a run comes or ends: a key for
        caches."""
        async with connected(self._pool) as link:
            row = await (await link.execute(_REVISION)).fetchone()
        assert row is not None, "a SELECT without FROM always returns"
        return tuple(row)

    async def cells(self, matrix: str | None = None) -> list[CellRow]:
        """Return every cell, or those of the trials that one run executed."""
        return await self._rows(CellRow, _CELLS, {"matrix": matrix})

    async def matrices(self, limit: int = 12) -> list[RunRow]:
        """Return the newest runs."""
        return await self._rows(RunRow, _MATRICES, [limit])

    async def names(self, limit: int = 50) -> list[tuple[str, datetime]]:
        """Return id and beginning of the newest runs that executed something."""
        async with connected(self._pool) as link:
            rows = await link.execute(_NAMES, [limit])
            return [(row[0], row[1]) async for row in rows]

    async def trials(self, where: str, limit: int = 20) -> list[TrialLine]:
        """Return the newest trials of one kind of `TRIALS`."""
        query = _TRIALS.format(where=TRIALS[where])
        return await self._rows(TrialLine, query, [limit])

    async def fault_trials(
        self, scenario: str, retries: str, *, matrix: str | None = None, limit: int = 300
    ) -> list[str]:
        """Return ids of the newest trials of a scenario under fault plans, and of their
        siblings without."""
        async with connected(self._pool) as link:
            rows = await link.execute(_FAULTY, {
                "scenario": scenario, "retries": retries, "matrix": matrix, "limit": limit,
            })
            return [row[0] async for row in rows]

    async def _rows(self, of: type[Any], query: str, values: Any) -> list[Any]:
        async with (
            connected(self._pool) as link,
            link.cursor(row_factory=class_row(of)) as cursor,
        ):
            await cursor.execute(query.encode(), values)
            return await cursor.fetchall()


TRIALS = {
    "harness_fault": "outcome = 'harness_fault'",
    "inconclusive": "undecided > 0",
    "failed": "outcome NOT IN ('harness_fault', 'cancelled')"
              " AND (failed > 0 OR outcome <> 'completed')",
}
"""Kinds of trials that somebody may want to look at."""
_TRIALS = """
    SELECT id, scenario, case_name, runner, runner_version, variant, outcome, reason, started_at,
        passed, failed, undecided
    FROM trial WHERE NOT superseded AND {where} ORDER BY row_id DESC LIMIT %s
"""
