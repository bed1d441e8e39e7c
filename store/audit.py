"""The audit log: who changed what. Append-only, which the database itself sees to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Json

from agentdyno.core.errors import UsageError
from agentdyno.store.database import Pool, connected

_WRITE = "INSERT INTO audit (who, action, target, detail) VALUES (%s, %s, %s, %s)"
_READ = """
    SELECT id, at, who, action, target, detail FROM audit
    WHERE (%(who)s::text IS NULL OR who = %(who)s)
      AND (%(action)s::text IS NULL OR action = %(action)s)
      AND (%(noun)s::text IS NULL OR starts_with(action, %(noun)s || '.'))
      AND (%(target)s::text IS NULL OR target = %(target)s)
      AND (%(before)s::bigint IS NULL OR id < %(before)s)
    ORDER BY id DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditRow:
    """One thing that somebody did."""

    id: int
    at: datetime
    who: str
    """The person's name, as given at login or by the operating system."""
    action: str
    """What was done, as `noun.verb`: `matrix.cancel`, `approval.approve`, `memory.forget`."""
    target: str
    """What it was done to: an id or a name."""
    detail: dict[str, Any]
    """Whatever else is worth knowing, such as a reason."""


class AuditLog:
    """Who changed what."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def record(
        self, *, who: str, action: str, target: str, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Write one line.

        Raises:
            UsageError: nobody is named.
            HarnessFault: the database is away.
        """
        async with connected(self._pool) as link:
            await write(link, who=who, action=action, target=target, detail=detail)

    async def list(
        self, *, who: str | None = None, action: str | None = None, noun: str | None = None,
        target: str | None = None, before: int | None = None, limit: int = 50,
    ) -> list[AuditRow]:
        """Return at most `limit` lines, newest first.

        Args:
            who: those of one person.
            action: those of one action.
            noun: those of all actions on one noun, such as `approval`.
            target: those on one target.
            before: the id that a page ended with.
            limit: at most so many.

        Raises:
            HarnessFault: the database is away.
        """
        async with (
            connected(self._pool) as link,
            link.cursor(row_factory=class_row(AuditRow)) as rows,
        ):
            await rows.execute(_READ, {
                "who": who, "action": action, "noun": noun, "target": target, "before": before,
                "limit": limit,
            })
            return await rows.fetchall()


async def write(
    link: psycopg.AsyncConnection[Any], *, who: str, action: str, target: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write one line within the transaction of `link`: what was done and the log of it stand or
    fall together; raises `UsageError` when nobody is named."""
    name = " ".join(who.replace("\0", " ").split())
    if not name:
        raise UsageError(
            f"{action} needs the name of whoever does it, for the audit log.", "give your name"
        )
    await link.execute(_WRITE, [name, action, target.replace("\0", "\ufffd"), Json(detail or {})])
