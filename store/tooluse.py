"""How tools did over the stored trials: sums of the table `tool_use`."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql
from psycopg.rows import class_row

from agentdyno.store.database import Pool, connected

NEWEST = 5000
"""Newest trials with a tool that its sums by runner are over."""
_SUMS = sql.SQL("""
    count(*)::int AS trials, sum(u.calls)::int AS calls, sum(u.injected)::int AS injected,
    sum(u.refused)::int AS refused, sum(u.invalid)::int AS invalid, sum(u.failed)::int AS failed,
    sum(u.broken)::int AS broken, sum(u.recorded)::int AS recorded,
    sum(u.seconds) AS seconds, max(u.slowest_s) AS slowest_s,
    (count(*) FILTER (WHERE u.calls > u.injected + u.refused))::int AS judged,
    (count(*) FILTER (WHERE u.calls > u.injected + u.refused
        AND u.invalid + u.failed + u.broken = 0))::int AS clean,
    max(u.trial) AS newest, max(u.trial) FILTER (WHERE u.broken > 0) AS newest_broken
""")
# The sums first and the times of two trials per line after: rows of `trial` are wide.
_BY_TOOL = sql.SQL("""
    SELECT s.*, n.started_at AS last_used, b.started_at AS last_broken
    FROM (
        SELECT u.server, u.tool, {sums}
        FROM tool_use u
        WHERE NOT EXISTS (SELECT FROM trial s WHERE s.row_id = u.trial AND s.superseded){where}
        GROUP BY u.server, u.tool
    ) AS s
    JOIN trial n ON n.row_id = s.newest
    LEFT JOIN trial b ON b.row_id = s.newest_broken
    ORDER BY s.server, s.tool
""")
_BY_RUNNER = sql.SQL("""
    SELECT s.*, n.started_at AS last_used, b.started_at AS last_broken
    FROM (
        SELECT t.runner || ' ' || t.runner_version AS server, t.scenario AS tool, {sums}
        FROM (
            SELECT * FROM tool_use WHERE server = %s AND tool = %s ORDER BY trial DESC LIMIT {most}
        ) AS u JOIN trial t ON t.row_id = u.trial
        WHERE NOT t.superseded
        GROUP BY 1, 2
    ) AS s
    JOIN trial n ON n.row_id = s.newest
    LEFT JOIN trial b ON b.row_id = s.newest_broken
    ORDER BY s.server, s.tool
""")


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolUse:
    """Sums over trials that called a tool. Calls with an injected fault are in `injected` alone."""

    server: str
    tool: str
    trials: int
    """Trials that called it."""
    calls: int
    injected: int
    """Calls into which the harness put a fault; they say nothing of the tool."""
    refused: int
    """Calls that were not made: not allowed, rejected, over a limit."""
    invalid: int
    """Calls whose arguments did not fit."""
    failed: int
    """Calls that the tool answered with an error of its own."""
    broken: int
    """Calls during which the server crashed or was too slow."""
    recorded: int
    """Calls answered from a cassette."""
    seconds: float
    """Seconds in calls that a server answered."""
    slowest_s: float
    judged: int
    """Trials that say something of the tool: not all of their calls were injected or refused."""
    clean: int
    """Those of them in which no call that was made ended in an error."""
    newest: int
    """Row of the newest trial that called it."""
    newest_broken: int | None
    last_used: datetime
    last_broken: datetime | None
    """Start of the newest trial in which the server broke; null where it never did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolTrial:
    """One trial that called a tool."""

    trial: str
    """The trial's id."""
    started_at: datetime
    scenario: str
    runner: str
    """Name and version."""
    calls: int
    errors: int
    """Calls that were made and ended in an error, without injected faults."""


async def tool_use(
    pool: Pool, *, scenario: str | None = None, runner: str | None = None
) -> list[ToolUse]:
    """Return one line per tool that trials called, in order of name."""
    given = {"scenario": scenario, "runner": runner}
    wanted = {name: value for name, value in given.items() if value is not None}
    where = sql.Composed([])
    if wanted:
        where = sql.SQL(" AND u.trial IN (SELECT row_id FROM trial WHERE NOT superseded{})").format(
            sql.SQL("").join(
                sql.SQL(" AND {} = %s").format(sql.Identifier(name)) for name in wanted
            )
        )
    return await _sums(pool, _BY_TOOL.format(sums=_SUMS, where=where), [*wanted.values()])


async def tool_use_by_runner(pool: Pool, server: str, tool: str) -> list[ToolUse]:
    """Return how one tool did on each runner in the newest trials that called it: `server` is the
    runner and its version there, `tool` the scenario."""
    query = _BY_RUNNER.format(sums=_SUMS, most=sql.Literal(NEWEST))
    return await _sums(pool, query, [server, tool])


async def tool_trials(
    pool: Pool, server: str, tool: str, *, erring: bool = False, limit: int = 100
) -> list[ToolTrial]:
    """Return the newest trials that called a tool; only those in which a call erred if `erring`."""
    query = """
        SELECT t.id AS trial, t.started_at, t.scenario,
               t.runner || ' ' || t.runner_version AS runner, u.calls,
               u.invalid + u.failed + u.broken AS errors
        FROM tool_use u JOIN trial t ON t.row_id = u.trial
        WHERE NOT t.superseded AND u.server = %(server)s AND u.tool = %(tool)s
            AND (NOT %(erring)s OR u.invalid + u.failed + u.broken > 0)
        ORDER BY u.trial DESC LIMIT %(limit)s
    """
    wanted = {"server": server, "tool": tool, "erring": erring, "limit": limit}
    async with connected(pool) as link, link.cursor(row_factory=class_row(ToolTrial)) as cursor:
        await cursor.execute(query, wanted)
        return await cursor.fetchall()


async def _sums(pool: Pool, query: sql.Composed, values: list[str]) -> list[ToolUse]:
    async with connected(pool) as link, link.cursor(row_factory=class_row(ToolUse)) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()
