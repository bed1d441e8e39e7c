"""Runs as the store knows them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from agentdyno.core.errors import UsageError
from agentdyno.store.database import Pool, connected

LATEST = "latest"
"""Stands for the run that began last."""
_COLUMNS = "id, created_at, finished_at, command, settings, status"


@dataclass(frozen=True, kw_only=True, slots=True)
class MatrixRow:
    """One `run` command."""

    id: str
    created_at: datetime
    finished_at: datetime | None
    """None while it runs, and for ever when its harness was killed."""
    command: str
    settings: dict[str, Any]
    """Its `RunOptions` as JSON."""
    status: str
    """`running`, `finished`, `interrupted` or `failed`."""


class MatrixStore:
    """Runs in Postgres."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, prefix: str = LATEST) -> MatrixRow:
        """Return the only run whose id starts with `prefix`, or the one that began last.

        Raises:
            UsageError: there is none or more than one; with the newest ids.
        """
        condition = "" if prefix == LATEST else "WHERE starts_with(id, %s)"
        async with (
            connected(self._pool) as link,
            link.cursor(row_factory=class_row(MatrixRow)) as cursor,
        ):
            await cursor.execute(
                f"SELECT {_COLUMNS} FROM matrix {condition}"  # noqa: S608 our own words
                " ORDER BY created_at DESC LIMIT 4", [] if prefix == LATEST else [prefix],
            )
            found = await cursor.fetchall()
            if found and (prefix == LATEST or len(found) == 1):
                return found[0]
            await cursor.execute(
                f"SELECT {_COLUMNS} FROM matrix ORDER BY created_at DESC LIMIT 4"  # noqa: S608
            )
            near = found or await cursor.fetchall()
        if not near:
            raise UsageError("No run is stored yet.", "agentdyno run")
        what = f"More than one run's id starts with {prefix!r}" if found else f"No run {prefix!r}"
        raise UsageError(
            f"{what}; the newest: {', '.join(row.id[:12] for row in near)}",
            f"name one of these, or {LATEST}",
        )
