"""How hard a provider is pressed: calls at once, and calls per minute, over a whole run."""

import asyncio

from aiolimiter import AsyncLimiter


class Slot:
    """A place among the calls under way."""

    __slots__ = ("_semaphore",)

    def __init__(self, semaphore: asyncio.Semaphore) -> None:
        self._semaphore: asyncio.Semaphore | None = semaphore

    def leave(self) -> None:
        """Give the place to the next call; a second time does nothing."""
        if self._semaphore is not None:
            self._semaphore.release()
            self._semaphore = None


class Limiter:
    """The limits of one provider, shared by all trials of a run."""

    def __init__(self, max_concurrency: int, requests_per_minute: float | None) -> None:
        """
        Args:
            max_concurrency: calls under way at once, until their answers have been read.
            requests_per_minute: calls begun per minute, evenly spread; null is unlimited.
        """
        self._semaphore = asyncio.Semaphore(max_concurrency)
        # A bucket of one: providers refuse bursts that a minute's average would allow.
        self._rate = AsyncLimiter(1, 60 / requests_per_minute) if requests_per_minute else None

    async def enter(self) -> Slot:
        """Wait until one more call may begin, and return its place."""
        await self._semaphore.acquire()
        slot = Slot(self._semaphore)
        try:
            if self._rate is not None:
                await self._rate.acquire()
        except BaseException:
            slot.leave()
            raise
        return slot
