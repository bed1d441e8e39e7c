"""An event loop in a thread of its own, so that sync and async tests share one bench."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")


class Background:
    """Runs coroutines on one event loop for the whole session."""

    def __init__(self) -> None:
        try:
            from uvloop import new_event_loop
        except ImportError:
            self._loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
        else:
            self._loop = new_event_loop()
        self._thread = threading.Thread(target=self._run, name="agentdyno", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def call(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Wait for `work` from a sync test; Ctrl-C cancels it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise

    async def wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Wait for `work` from the event loop of an async test."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    @contextmanager
    def holding(self, opening: AbstractAsyncContextManager[Result]) -> Iterator[Result]:
        """Hold an async context open, in one task of the loop, for the duration of a sync one."""
        stopping = asyncio.Event()

        async def serve(ready: "asyncio.Future[Result]") -> None:
            try:
                async with opening as opened:
                    ready.set_result(opened)
                    await stopping.wait()
            except Exception as error:
                if ready.done():
                    raise
                ready.set_exception(error)

        async def start() -> tuple[Result, "asyncio.Task[None]"]:
            ready: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
            serving = asyncio.create_task(serve(ready))
            return await ready, serving

        async def end(serving: "asyncio.Task[None]") -> None:
            stopping.set()
            await serving

        opened, serving = self.call(start())
        try:
            yield opened
        finally:
            self.call(end(serving))

    def close(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
