"""The approver `queue`: a call waits in Postgres until somebody decides at the desk.

The question outlives everything but the run that asks: a database that is restarted, and whoever
lists or decides. The run listens for a decision and looks once in a while, for a notification may
be lost with its connection; looking is also how it shows that it still waits.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import psycopg
from psycopg.types.json import Json

from agentdyno.core.approval import ApprovalRequest, ApproverKind, Decision
from agentdyno.core.errors import DynoError, HarnessFault
from agentdyno.store.approvals import CHANNEL
from agentdyno.store.attempt import Result, Revive, attempt
from agentdyno.store.database import CONNECTION_ERRORS, Pool

PAUSES_S = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)
"""Waits before each new try while the database is away."""
HEARTBEAT_S = 5.0
"""Seconds between two looks while something waits."""
_log = logging.getLogger(__name__)

_ASK = """
    INSERT INTO approval (ticket, trial_id, request, expires_at)
    VALUES (%s, %s, %s, clock_timestamp() + make_interval(secs => %s))
    ON CONFLICT (ticket) DO UPDATE SET seen_at = clock_timestamp() RETURNING id
"""
_LOOK = """
    UPDATE approval SET seen_at = clock_timestamp() WHERE ticket = ANY(%s::uuid[])
    RETURNING ticket::text, state, arguments, decided_by, decided_at, reason
"""
_CLOSE = """
    UPDATE approval SET state = %s, decided_by = %s, decided_at = clock_timestamp()
    WHERE ticket = %s AND state = 'waiting'
"""


class ApprovalQueue:
    """Asks in the table `approval`; one for all trials of a run. Makes no connection before the
    first question."""

    kind: ClassVar[ApproverKind] = "queue"

    def __init__(
        self, pool: Pool, *, revive: Revive | None = None,
        asked: Callable[[int, ApprovalRequest], None] = lambda number, request: None,
        heartbeat_s: float = HEARTBEAT_S, pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        """
        Args:
            pool: the database.
            revive: may restart a server that was killed.
            asked: is told of each question, with its number.
            heartbeat_s: seconds between two looks while something waits.
            pauses_s: waits before each new try while the database is away.
        """
        self._pool = pool
        self._revive = revive
        self._asked = asked
        self._heartbeat_s = heartbeat_s
        self._pauses_s = tuple(pauses_s)
        self._open: dict[str, asyncio.Future[Decision]] = {}
        self._listener: asyncio.Task[None] | None = None
        self._withdrawals: set[asyncio.Task[None]] = set()

    async def decide(self, request: ApprovalRequest) -> Decision:
        """Wait until somebody decides, or the time is over.

        Raises:
            HarnessFault: the database is away, so nobody could.
        """
        ticket = str(uuid.uuid4())
        try:
            number = await self._attempt(lambda link: _ask(link, ticket, request))
            self._asked(number, request)
            async with asyncio.timeout(request.timeout_s):
                return await self._decision(ticket)
        except TimeoutError:
            # Somebody may be just as late: whoever comes first has decided.
            return await self._attempt(lambda link: _expired(link, ticket))
        except asyncio.CancelledError:
            task = asyncio.create_task(self._withdraw(ticket), name="approval-withdrawn")
            self._withdrawals.add(task)
            task.add_done_callback(self._withdrawals.discard)
            raise

    async def close(self) -> None:
        """Write down which questions were given up, and stop listening."""
        await asyncio.gather(*self._withdrawals)
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait([self._listener])

    async def _decision(self, ticket: str) -> Decision:
        future: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._open[ticket] = future
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen(), name="approval-queue")
        try:
            return await future
        finally:
            del self._open[ticket]

    async def _listen(self) -> None:
        """Hand out decisions while anything waits, however often the database goes away."""
        pauses = iter(self._pauses_s)
        while self._open:
            try:
                async with self._pool.connection() as link:
                    await self._hear(link)
                return
            except CONNECTION_ERRORS:
                if not self._open:
                    return
                await asyncio.sleep(next(pauses, self._heartbeat_s))
                await self._revived()
            except Exception as error:
                for future in self._open.values():
                    if not future.done():
                        future.set_exception(error)
                return

    async def _hear(self, link: psycopg.AsyncConnection) -> None:
        await link.set_autocommit(True)
        await link.execute(f"LISTEN {CHANNEL}".encode())
        try:
            while self._open:
                await self._look(link)
                async for _ in link.notifies(timeout=self._heartbeat_s, stop_after=1):
                    pass
        finally:
            if not link.broken:
                await link.execute(f"UNLISTEN {CHANNEL}".encode())
                await link.set_autocommit(False)

    async def _look(self, link: psycopg.AsyncConnection) -> None:
        rows = await link.execute(_LOOK, [list(self._open)])
        for ticket, state, *rest in await rows.fetchall():
            future = self._open.get(ticket)
            if future is not None and not future.done() and state != "waiting":
                future.set_result(_decision(state, *rest))

    async def _withdraw(self, ticket: str) -> None:
        try:
            await self._attempt(lambda link: link.execute(_CLOSE, ["withdrawn", "", ticket]))
        except HarnessFault as fault:
            # Its run falls silent about it, which is what people are told.
            _log.warning("%s", fault)

    async def _revived(self) -> None:
        if self._revive is not None:
            try:
                await self._revive()
            except DynoError as error:
                _log.warning("%s", error)

    async def _attempt(
        self, work: Callable[[psycopg.AsyncConnection], Awaitable[Result]]
    ) -> Result:
        return await attempt(
            self._pool, work, revive=self._revive, pauses_s=self._pauses_s, failure=_away
        )


def _away(reason: str) -> HarnessFault:
    return HarnessFault(
        f"The queue of approvals cannot be used: {reason}. Nobody can decide about the call.",
        "agentdyno db status, then the same run command again",
    )


async def _ask(link: psycopg.AsyncConnection, ticket: str, request: ApprovalRequest) -> int:
    asked = await link.execute(_ASK, [
        ticket, request.trial_id, Json(request.model_dump(mode="json")), request.timeout_s,
    ])
    found = await asked.fetchone()
    assert found is not None, "an INSERT that returns always returns"
    return int(found[0])


async def _expired(link: psycopg.AsyncConnection, ticket: str) -> Decision:
    await link.execute(_CLOSE, ["timed_out", "policy", ticket])
    rows = await link.execute(_LOOK, [[ticket]])
    found = await rows.fetchone()
    if found is None:
        raise HarnessFault("A question was deleted from the table `approval` while it waited.")
    return _decision(*found[1:])


def _decision(
    state: Any, arguments: dict[str, Any] | None, by: str, at: datetime, reason: str
) -> Decision:
    return Decision(
        decision=state, arguments=arguments, decided_by=by, reason=reason,
        decided_at=at.astimezone(UTC).isoformat(timespec="milliseconds"),
    )
