"""What agents reported as missing, in the trials that are stored."""

import json
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from agentdyno.core.event import ToolGap
from agentdyno.store.database import Pool, connected

# Most trials report nothing, and of those that do there is an index.
_QUERY = """
    SELECT t.id AS trial, t.started_at, t.scenario, t.runner, t.runner_version, e.data::text AS body
    FROM (
        SELECT * FROM trial
        WHERE NOT superseded AND starts_with(id, %(trial)s)
            AND (%(scenario)s::text IS NULL OR scenario = %(scenario)s)
            AND (%(runner)s::text IS NULL OR runner = %(runner)s)
            AND gaps > 0
    ) AS t,
        json_array_elements(coalesce(t.events_plain, t.events)) WITH ORDINALITY AS e (data, n)
    WHERE e.data ->> 'kind' = 'tool_gap'
    ORDER BY t.row_id DESC, e.n
    LIMIT %(limit)s
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    trial: str
    started_at: datetime
    scenario: str
    runner: str
    runner_version: str
    body: str


@dataclass(frozen=True, kw_only=True, slots=True)
class GapRow:
    """One report and the trial that it stands in."""

    trial: str
    """The trial's id."""
    started_at: datetime
    scenario: str
    runner: str
    runner_version: str
    gap: ToolGap
    """The report."""


async def gaps(
    pool: Pool, *, trial: str = "", scenario: str | None = None, runner: str | None = None,
    limit: int = 100,
) -> list[GapRow]:
    """Return at most `limit` reports, of the newest trials first.

    `trial` is the beginning of a trial's id.
    """
    wanted = {"trial": trial, "scenario": scenario, "runner": runner, "limit": limit}
    async with connected(pool) as link, link.cursor(row_factory=class_row(_Row)) as cursor:
        await cursor.execute(_QUERY, wanted)
        rows = await cursor.fetchall()
    return [
        GapRow(
            trial=row.trial, started_at=row.started_at, scenario=row.scenario, runner=row.runner,
            runner_version=row.runner_version, gap=ToolGap.model_validate(json.loads(row.body)),
        )
        for row in rows
    ]
