"""The promotion log: append-only, one writer at a time, intention before outcome."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, Literal

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Json

from agentdyno.core.errors import UsageError
from agentdyno.core.promotion import PromotionDraft, PromotionRow
from agentdyno.store.audit import write
from agentdyno.store.database import Pool, connected

WAIT_S = 60
"""How long a promoter waits for another one to end; moving aliases takes a few seconds."""
_LOCK = 0x70726F6D6F

_SELECT = """
    SELECT p.*, coalesce(o.outcome, 'unfinished') AS state, o.at AS ended_at,
        coalesce(o.who, '') AS ended_by, coalesce(o.detail, '') AS detail
    FROM promotion p LEFT JOIN promotion_outcome o ON o.promotion = p.id
    WHERE (%(scenarios)s::text[] IS NULL OR p.scenarios && %(scenarios)s)
        AND (%(experiment)s::text IS NULL OR p.experiment = %(experiment)s)
        AND (%(alias)s::text IS NULL OR p.alias = %(alias)s)
        AND (%(state)s::text IS NULL OR coalesce(o.outcome, 'unfinished') = %(state)s)
        AND (%(number)s::int IS NULL OR p.id = %(number)s)
    ORDER BY p.id DESC LIMIT %(limit)s
"""
_INSERT = """
    INSERT INTO promotion (kind, alias, experiment, definition, variant, digest, scenarios, who,
        reason, was, becomes, verdict, evidence, approval, undoes)
    VALUES (%(kind)s, %(alias)s, %(experiment)s, %(definition)s, %(variant)s, %(digest)s,
        %(scenarios)s, %(who)s, %(reason)s, %(was)s, %(becomes)s, %(verdict)s, %(evidence)s,
        %(approval)s, %(undoes)s)
    RETURNING id
"""


class PromotionLog:
    """The log in Postgres. Every method raises `HarnessFault` when the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Be the only one on this database who moves an alias, for the duration of the context.

        The server itself frees the place of a process that was killed.

        Raises:
            UsageError: somebody else has it, and keeps it.
        """
        async with connected(self._pool) as link:
            # One of two numbers, so no parameter is needed; SET takes none.
            await link.execute(f"SET LOCAL lock_timeout = '{WAIT_S}s'".encode())
            try:
                await link.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            except psycopg.errors.LockNotAvailable as error:
                await link.rollback()
                raise await self._busy() from error
            yield

    async def begin(self, draft: PromotionDraft) -> int:
        """Write an intention and return its number; to be called inside `alone`."""
        values: dict[str, Any] = draft.model_dump(
            mode="json", exclude={"was", "becomes", "verdict"}
        )
        dumped = draft.model_dump(mode="json", exclude_unset=True)
        for name in ("was", "becomes", "verdict"):
            value = dumped.get(name)
            values[name] = None if value is None else Json(value)
        async with connected(self._pool) as link:
            row = await (await link.execute(_INSERT, values)).fetchone()
        assert row is not None
        return int(row[0])

    async def end(
        self, number: int, outcome: Literal["done", "abandoned"], *, who: str, detail: str = ""
    ) -> None:
        """Write how an intention ended; once. What was done is in the audit log, too."""
        row = await self.get(number)
        async with connected(self._pool) as link:
            await link.execute(
                "INSERT INTO promotion_outcome (promotion, outcome, who, detail)"
                " VALUES (%s, %s, %s, %s)", [number, outcome, who, detail],
            )
            if outcome == "done":
                told = {"entry": number, "reason": row.reason, "repaired": detail}
                await write(
                    link, who=row.who, action=f"experiment.{row.kind}",
                    target=f"{row.experiment} {row.variant}",
                    detail={name: value for name, value in told.items() if value},
                )

    async def get(self, number: int) -> PromotionRow:
        """Return one entry; raises `UsageError` when there is none."""
        found = await self._rows(number=number, limit=1)
        if not found:
            raise UsageError(
                f"there is no entry {number} in the promotion log.", "agentdyno experiment history"
            )
        return found[0]

    async def history(
        self, *, experiment: str | None = None, scenarios: Collection[str] | None = None,
        alias: str | None = None, state: str | None = None, limit: int = 100,
    ) -> list[PromotionRow]:
        """Return entries, newest first.

        Args:
            experiment: those of one experiment.
            scenarios: those that touch any of these.
            alias: those that moved one alias.
            state: `done`, `abandoned` or `unfinished`.
            limit: at most this many.
        """
        return await self._rows(
            experiment=experiment, scenarios=None if scenarios is None else list(scenarios),
            alias=alias, state=state, limit=limit,
        )

    async def head(self, scenarios: Collection[str], alias: str) -> PromotionRow | None:
        """Return the newest entry that moved `alias` for any of `scenarios`; None when none has."""
        found = await self.history(scenarios=scenarios, alias=alias, state="done", limit=1)
        return found[0] if found else None

    async def unfinished(self) -> list[PromotionRow]:
        """Return intentions without an outcome, oldest first: one under way, or one whose promoter
        was killed."""
        return (await self.history(state="unfinished"))[::-1]

    async def _busy(self) -> UsageError:
        under_way = await self.unfinished()
        told = "somebody else is moving an alias"
        if under_way:
            row = under_way[-1]
            told = f"{row.who} has been at `{row.kind} {row.variant}` since {row.at:%H:%M:%S}"
        return UsageError(f"{told}; one at a time may.", "agentdyno experiment history")

    async def _rows(
        self, *, limit: int, number: int | None = None, experiment: str | None = None,
        scenarios: list[str] | None = None, alias: str | None = None, state: str | None = None,
    ) -> list[PromotionRow]:
        async with (
            connected(self._pool) as link, link.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(_SELECT, {
                "number": number, "experiment": experiment, "scenarios": scenarios,
                "alias": alias, "state": state, "limit": limit,
            })
            return [PromotionRow.model_validate(row) for row in await cursor.fetchall()]
