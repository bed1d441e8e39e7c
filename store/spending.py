"""What the ledger says was spent: by day, run, model and whose call it was."""

from dataclasses import dataclass
from datetime import date, datetime

from psycopg.rows import class_row

from agentdyno.core.judged import JUDGE, PROPOSER
from agentdyno.core.trial import USER_SIMULATOR
from agentdyno.store.database import Pool, connected

_QUERY = """
    SELECT
        day, matrix_id, provider, model, agent = %(simulator)s AS simulator,
        agent = %(judge)s AS judge, agent = %(proposer)s AS proposer,
        count(*) AS calls,
        sum(counted_tokens)::bigint AS tokens,
        coalesce(sum(cached_tokens), 0)::bigint AS cached_tokens,
        bool_or(billed) AS billed,
        sum(counted_usd)::double precision AS cost_usd,
        count(*) FILTER (WHERE billed AND counted_usd IS NULL) AS unpriced,
        count(*) FILTER (WHERE state = 'reserved') AS open,
        coalesce(sum(counted_usd) FILTER (WHERE state = 'reserved'), 0)::double precision
            AS open_usd,
        min(reserved_at) FILTER (WHERE state = 'reserved') AS open_since,
        count(*) FILTER (WHERE state = 'estimated') AS estimated
    FROM spend
    WHERE day >= %(since)s AND (%(matrix)s::text IS NULL OR starts_with(matrix_id, %(matrix)s))
    GROUP BY day, matrix_id, provider, model, simulator, judge, proposer
    ORDER BY day DESC, min(reserved_at) DESC, provider, model, simulator, judge, proposer
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class SpendRow:
    """What one run spent on one model on one UTC day."""

    day: date
    matrix_id: str
    """The `run` command that spent it."""
    provider: str
    model: str
    simulator: bool
    """Whether these are the simulated user's calls, which are not the team's."""
    judge: bool
    """Whether these are a judge's calls."""
    proposer: bool
    """Whether these are the calls of a model that proposes variants."""
    calls: int
    tokens: int
    cached_tokens: int
    billed: bool
    """Whether the provider sends bills at all."""
    cost_usd: float | None
    """US dollars, reservations included; null when no call has a known price."""
    unpriced: int
    """Calls that are billed at a price that is unknown."""
    open: int
    """Calls under way, or left by a process that was killed: they count with their reservation."""
    open_usd: float
    """The part of `cost_usd` that they are."""
    open_since: datetime | None
    """When the oldest of them was reserved."""
    estimated: int
    """Calls that broke off and may be billed: they count with their reservation, too."""


async def spending(pool: Pool, since: date, matrix: str | None = None) -> list[SpendRow]:
    """Return what was spent since the UTC day `since`, newest first.

    Args:
        pool: the database.
        since: first day.
        matrix: id of a run, or its beginning; null for all.

    Raises:
        HarnessFault: the database is away.
    """
    wanted = {"since": since, "matrix": matrix, "simulator": USER_SIMULATOR,
              "judge": JUDGE, "proposer": PROPOSER}
    async with connected(pool) as link, link.cursor(row_factory=class_row(SpendRow)) as rows:
        await rows.execute(_QUERY, wanted)
        return await rows.fetchall()
