"""How trials used their memory: searches, what they found, and what was written."""

from dataclasses import dataclass

from psycopg.rows import class_row

from agentdyno.store.database import Pool, connected

NEWEST = 5000
"""Newest trials with memory that are counted."""
_QUERY = """
    WITH chosen AS (
        SELECT u.trial, sum(u.calls) FILTER (WHERE u.tool = 'memory_search') AS searches,
               sum(u.calls) FILTER (WHERE u.tool = 'memory_write') AS writes,
               sum(u.refused + u.invalid + u.failed + u.broken) AS errors
        FROM tool_use u
        WHERE u.server = 'memory'
            AND NOT EXISTS (SELECT FROM trial s WHERE s.row_id = u.trial AND s.superseded)
        GROUP BY u.trial ORDER BY u.trial DESC LIMIT %s
    )
    SELECT t.scenario, t.runner || ' ' || t.runner_version AS runner, count(*)::int AS trials,
           coalesce(sum(c.searches), 0)::int AS searches,
           coalesce(sum(c.writes), 0)::int AS writes, coalesce(sum(c.errors), 0)::int AS errors,
           coalesce(sum(links.hits), 0)::int AS hits,
           coalesce(sum(links.items), 0)::int AS items,
           (count(*) FILTER (WHERE c.searches > 0))::int AS searching,
           (count(*) FILTER (WHERE c.searches > 0 AND links.hits > 0))::int AS finding
    FROM chosen c JOIN trial t ON t.row_id = c.trial
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT l.event_seq) AS hits, count(*) AS items
        FROM chat_session s JOIN memory_link l ON l.session_id = s.id AND l.relation = 'found'
        -- An index of another collation is of no use.
        WHERE s.trial_id = t.id COLLATE "default" AND s.started_at = t.started_at
    ) AS links
    GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryUse:
    """Sums over the trials of one scenario on one runner."""

    scenario: str
    runner: str
    """Name and version."""
    trials: int
    """Trials that called a memory tool."""
    searches: int
    writes: int
    errors: int
    """Calls of memory tools that ended in an error."""
    hits: int
    """Searches that found something that is still remembered."""
    items: int
    """Items that they found, together."""
    searching: int
    """Trials that searched."""
    finding: int
    """Those of them that found anything."""


async def memory_use(pool: Pool) -> list[MemoryUse]:
    """Return how the newest trials with memory used it, by scenario and runner."""
    async with connected(pool) as link, link.cursor(row_factory=class_row(MemoryUse)) as cursor:
        await cursor.execute(_QUERY, [NEWEST])
        return await cursor.fetchall()
