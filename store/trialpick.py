"""Which stored trials there are to look at, and whether one has changed since it was looked at."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from agentdyno.store.database import Pool, connected

_CHOICES = """
    SELECT id, started_at, scenario, coalesce(key ->> 'case', '') AS case,
           runner || ' ' || runner_version AS runner, variant, model,
           coalesce(key ->> 'faults', '') AS faults, repeat, outcome, passed, failed, undecided,
           duration_s
    FROM trial
    WHERE NOT superseded
        AND (%(scenario)s::text IS NULL OR scenario = %(scenario)s)
        AND (%(runner)s::text IS NULL OR runner = %(runner)s)
        AND (%(case)s::text IS NULL OR coalesce(key ->> 'case', '') = %(case)s)
        AND (NOT %(bad)s OR failed > 0 OR outcome <> 'completed')
    ORDER BY row_id DESC LIMIT %(limit)s
"""
# From one scenario to the next by the index: trials are many, and names are few.
_NAMES = """
    WITH RECURSIVE named (scenario) AS (
        SELECT min(scenario) FROM trial WHERE NOT superseded
        UNION ALL
        SELECT (SELECT min(t.scenario) FROM trial t
                WHERE NOT t.superseded AND t.scenario > named.scenario)
        FROM named WHERE named.scenario IS NOT NULL
    )
    SELECT named.scenario, t.runner
    FROM named CROSS JOIN LATERAL (
        SELECT DISTINCT runner FROM trial
        WHERE NOT superseded AND scenario = named.scenario
    ) AS t
    WHERE named.scenario IS NOT NULL ORDER BY 1, 2
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialChoice:
    """One trial in a list to choose from."""

    id: str
    started_at: datetime
    scenario: str
    case: str
    runner: str
    """Name and version."""
    variant: str
    model: str
    faults: str
    repeat: int
    outcome: str
    passed: int
    """Checks by verdict."""
    failed: int
    undecided: int
    duration_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """What there is to filter by, in order of name."""

    scenarios: tuple[str, ...]
    runners: tuple[str, ...]


async def trial_choices(
    pool: Pool, *, scenario: str | None = None, runner: str | None = None,
    case: str | None = None, bad: bool = False, limit: int = 200,
) -> list[TrialChoice]:
    """Return trials, newest first; with `bad` those that did not complete or failed a check."""
    wanted: dict[str, Any] = {
        "scenario": scenario, "runner": runner, "case": case, "bad": bad, "limit": limit,
    }
    async with connected(pool) as link, link.cursor(row_factory=class_row(TrialChoice)) as cursor:
        await cursor.execute(_CHOICES, wanted)
        return await cursor.fetchall()


async def trial_names(pool: Pool) -> Names:
    """Return the scenarios and runners that stored trials are of."""
    async with connected(pool) as link:
        rows = await (await link.execute(_NAMES)).fetchall()
    return Names(
        scenarios=tuple(dict.fromkeys(row[0] for row in rows)),
        runners=tuple(sorted({row[1] for row in rows})),
    )


async def trial_mark(pool: Pool, trial_id: str) -> str:
    """Return what changes when a trial runs again or is graded again; "" when it is not stored."""
    async with connected(pool) as link:
        rows = await link.execute(
            "SELECT row_id, grading FROM trial WHERE id = %s AND NOT superseded", [trial_id]
        )
        row = await rows.fetchone()
    return f"{row[0]}/{row[1]}" if row else ""
