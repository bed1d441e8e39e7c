"""A call under way, and how a hang-up or the end of its trial stops it."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Literal, Self

Interruption = Literal["hung_up", "closed"]


class Flight:
    """Context in which the current task can be interrupted; costs nothing when nothing waits.

    The watch for a hang-up starts only when the event loop turns, that is when the upstream really
    waits: an answer that is there at once never pays for a second task.
    """

    def __init__(
        self, receive: Callable[[], Awaitable[Any]], on_stop: Callable[[Interruption], None]
    ) -> None:
        """
        Args:
            receive: the ASGI callable, once the request's body has been read.
            on_stop: called at once when the flight is interrupted, before its task notices.
        """
        self.interrupted: Interruption | None = None
        self._receive = receive
        self._on_stop = on_stop
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._watch: asyncio.Handle | None = None
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self._watch = self._loop.call_soon(self._start_watching)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Swallow the cancellation that `stop` made; `interrupted` says that it happened."""
        if self._watch is not None:
            self._watch.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self.interrupted is None or self._task is None:
            return False
        self._task.uncancel()
        return kind is asyncio.CancelledError

    def stop(self, why: Interruption) -> None:
        """Interrupt the flight; the first reason stands."""
        if self.interrupted is None and self._task is not None:
            self.interrupted = why
            self._on_stop(why)
            self._task.cancel()

    def _start_watching(self) -> None:
        self._watcher = self._loop.create_task(self._wait_for_hang_up(), name="hang-up watch")

    async def _wait_for_hang_up(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.stop("hung_up")
