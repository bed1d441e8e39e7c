"""What a run is made of, execution by execution: its own, and those that it took from the store."""

from collections.abc import Sequence
from dataclasses import dataclass

from agentdyno.core.event import WireRecord
from agentdyno.core.trial import Trial
from agentdyno.store.database import Pool, connected
from agentdyno.store.rows import decode, unpack

# The run's own execution of a trial before another's: a later run may have superseded it.
_FIND = """
    SELECT DISTINCT ON (t.id) t.row_id, t.id, t.attempt, t.matrix_id
    FROM trial t
    WHERE t.id = ANY(coalesce(
        %(trials)s::text[], ARRAY(SELECT id FROM trial WHERE matrix_id = %(matrix)s)
    ))
    ORDER BY t.id, t.matrix_id = %(matrix)s DESC, t.attempt DESC
"""
_LOAD = """
    SELECT t.row_id, t.body::text, t.events::text, g.verdicts::text
    FROM trial t LEFT JOIN graded g ON g.trial = t.row_id AND g.grading = t.grading
    WHERE t.row_id = ANY(%s)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """One execution of one trial."""

    row_id: int
    trial_id: str
    attempt: int
    """1 for the first execution of the trial, one more for every `--fresh` that repeated it."""
    matrix_id: str
    """The run that executed it."""


class Executions:
    """Executions in Postgres."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def of(self, matrix_id: str) -> tuple[Execution, ...]:
        """Return one execution of each trial of a run, in the order in which they were stored."""
        async with connected(self._pool) as link:
            row = await (await link.execute(
                "SELECT trials FROM export WHERE matrix_id = %s AND trials IS NOT NULL LIMIT 1",
                [matrix_id],
            )).fetchone()
            rows = await link.execute(
                _FIND, {"trials": row[0] if row else None, "matrix": matrix_id}
            )
            found = [
                Execution(row_id=one[0], trial_id=one[1], attempt=one[2], matrix_id=one[3])
                async for one in rows
            ]
        return tuple(sorted(found, key=lambda one: one.row_id))

    async def load(self, executions: Sequence[Execution]) -> list[Trial]:
        """Return the trials of `executions`, in their order, with the verdicts that count."""
        ids = [one.row_id for one in executions]
        async with connected(self._pool) as link:
            rows = await link.execute(_LOAD, [ids])
            found = {row[0]: decode(*row[1:]) async for row in rows}
        return [found[row_id] for row_id in ids]

    async def wires(self, executions: Sequence[Execution]) -> list[tuple[WireRecord, ...]]:
        """Return the raw exchanges of `executions`, in their order; none where it had none."""
        ids = [one.row_id for one in executions]
        async with connected(self._pool) as link:
            rows = await link.execute("SELECT trial, body FROM wire WHERE trial = ANY(%s)", [ids])
            found = {row[0]: unpack(row[1]) async for row in rows}
        return [found.get(row_id, ()) for row_id in ids]
