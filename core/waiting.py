"""The time in which a trial waits for a person, which is neither latency nor against a limit."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class WaitingClock:
    """Counts the wall seconds in which at least one call of a trial waited for approval."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._open = 0
        self._began = 0.0
        self._before = 0.0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def seconds(self) -> float:
        """Return the seconds waited so far; calls that wait side by side count once."""
        return self._before + (self._clock() - self._began if self._open else 0.0)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time inside the block."""
        if not self._open:
            self._began = self._clock()
            self._idle.clear()
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self._before += self._clock() - self._began
                self._idle.set()

    async def done(self, future: "asyncio.Future[Any]", timeout_s: float) -> bool:
        """Wait until `future` is done, or `timeout_s` seconds are over in which nothing waited.

        Returns:
            Whether it is done. It is never cancelled, and what it raises stays in it.
        """
        began, before = self._clock(), self.seconds
        while not future.done():
            left = timeout_s - (self._clock() - began - (self.seconds - before))
            if left <= 0:
                break
            if not self._open:
                await asyncio.wait([future], timeout=left)
                continue
            idle = asyncio.ensure_future(self._idle.wait())
            try:
                await asyncio.wait([future, idle], return_when=asyncio.FIRST_COMPLETED)
            finally:
                idle.cancel()
        return future.done()
