"""The writer between sealed trials and the store: group commit, reconnecting, never losing one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from agentdyno.core.errors import DynoError, HarnessFault
from agentdyno.core.event import WireRecord
from agentdyno.core.trial import Trial
from agentdyno.store.database import CONNECTION_ERRORS
from agentdyno.store.rows import Record, encode
from agentdyno.store.spool import Spool
from agentdyno.store.trials import TrialStore

BATCH = 64
"""Most trials in one transaction."""
LINGER_S = 0.2
"""Seconds that a trial waits for others to share its transaction."""
PAUSES_S = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)
"""Waits before each new try while the database is away."""


@dataclass(eq=False, kw_only=True, slots=True)
class _Waiting:
    trial: Trial
    wire: tuple[WireRecord, ...]
    record: Record
    done: "asyncio.Future[None]" = field(default_factory=asyncio.Future)


class TrialWriter:
    """Stores the trials of one run.

    Use as an async context manager: leaving it waits for everything that was put, and raises
    `HarnessFault` when some of it went to the spool file instead of the database.
    """

    def __init__(
        self, store: TrialStore, matrix_id: str, spool: Spool, *,
        revive: Callable[[], Awaitable[object]] | None = None,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        """Write to `store` as run `matrix_id`, and to `spool` when that is impossible.

        `revive` is called before a new try, to restart an embedded server that was killed.
        """
        self._store = store
        self._matrix_id = matrix_id
        self._spool = spool
        self._revive = revive
        self._pauses_s = tuple(pauses_s)
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._closing = False
        self._reason = ""
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "TrialWriter":
        self._task = asyncio.create_task(self._run(), name="trial-writer")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        self._arrived.set()
        try:
            if self._task is not None:
                await self._task
        finally:
            self._spool.close()
        if self._spool.count:
            raise HarnessFault(
                f"{self._spool.count} finished trials could not be stored ({self._reason}). "
                f"They are safe in {self._spool.path}.",
                "agentdyno db start, then the same run command again: it imports them first",
            )

    async def put(self, trial: Trial, wire: Sequence[WireRecord] = ()) -> None:
        """Return when `trial` is durable: committed, or on the disk in the spool file.

        Raises:
            HarnessFault: neither was possible.
        """
        if self._task is None or self._closing:
            raise HarnessFault(f"Trial {trial.id} came after the writer was closed.")
        waiting = _Waiting(trial=trial, wire=tuple(wire), record=encode(trial, wire))
        self._waiting.append(waiting)
        self._arrived.set()
        # A cancelled trial task must not cancel the write that others share.
        await asyncio.shield(waiting.done)

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            await self._arrived.wait()
            self._arrived.clear()
            if len(self._waiting) < BATCH and not self._closing:
                # One transaction for all that end about now, instead of one for each.
                await asyncio.sleep(LINGER_S)
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                await self._write(batch)

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        try:
            error = await self._stored(batch)
            if error is not None:
                self._reason = _one_line(error)
                self._spool.add((waiting.trial, waiting.wire) for waiting in batch)
            _settle(batch, None)
        except OSError as error:
            _settle(batch, HarnessFault(
                f"Trials {', '.join(w.trial.id for w in batch)} are lost: the database is away "
                f"({self._reason}), and {self._spool.path} cannot be written: {error.strerror}",
                "free some space or make the folder writable, then the same run command again",
            ))
        except Exception as error:
            # One trial that the database refuses must not take the others with it.
            if len(batch) > 1:
                for waiting in batch:
                    await self._write([waiting])
            else:
                _settle(batch, error if isinstance(error, DynoError) else HarnessFault(
                    f"The database refuses trial {batch[0].trial.id}: {_one_line(error)}",
                ))

    async def _stored(self, batch: Sequence[_Waiting]) -> Exception | None:
        """Store `batch`, trying again for a while; returns the last error when that is over."""
        # Once it has been away for so long, later batches try once and do not wait again.
        pauses = self._pauses_s[:1] if self._spool.count else self._pauses_s
        records = [waiting.record for waiting in batch]
        last: Exception | None = None
        for pause in (None, *pauses):
            if pause is not None:
                await asyncio.sleep(pause)
                if (problem := await self._revived()) is not None:
                    last = problem
                    continue
            try:
                await self._store.save_records(self._matrix_id, records)
            except CONNECTION_ERRORS as error:
                last = error
            else:
                return None
        return last

    async def _revived(self) -> Exception | None:
        if self._revive is None:
            return None
        try:
            await self._revive()
        except DynoError as error:
            return error
        return None


def _settle(batch: Sequence[_Waiting], error: Exception | None) -> None:
    for waiting in batch:
        if waiting.done.done():
            continue
        if error is None:
            waiting.done.set_result(None)
        else:
            waiting.done.set_exception(error)


def _one_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).split("\n", 1)[0]
