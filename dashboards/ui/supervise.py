"""Keeps servers up until somebody ends them, and takes all of them down together."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

from agentdyno.core.errors import DynoError
from agentdyno.dashboards.ui.service import Server, Service


async def supervise(servers: Sequence[Server], ready: Callable[[Server], None]) -> None:
    """Start `servers`, tell each one once it answers, and hold them until SIGINT or SIGTERM.

    Raises:
        HarnessFault: one of them did not start, or ended by itself; the others are stopped then.
    """
    stop = asyncio.Event()
    with _signals(stop.set):
        async with _running(servers) as services:
            ended = [asyncio.create_task(service.ended()) for service in services]
            asked = asyncio.create_task(stop.wait())
            answering = [asyncio.create_task(_answer(service, ready)) for service in services]
            try:
                await _until(asked, ended, answering)
            finally:
                for task in (asked, *ended, *answering):
                    task.cancel()
                await asyncio.gather(asked, *ended, *answering, return_exceptions=True)


async def _until(
    asked: asyncio.Task[bool], ended: Sequence[asyncio.Task[DynoError]],
    answering: Sequence[asyncio.Task[None]],
) -> None:
    waiting: set[asyncio.Task[bool] | asyncio.Task[DynoError] | asyncio.Task[None]] = {
        asked, *ended, *answering
    }
    while not asked.done():
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if asked in done:
            return
        for task in done:
            result = task.result()
            if isinstance(result, DynoError):
                raise result


async def _answer(service: Service, ready: Callable[[Server], None]) -> None:
    await service.healthy()
    ready(service.server)


@contextlib.asynccontextmanager
async def _running(servers: Sequence[Server]) -> AsyncIterator[list[Service]]:
    services: list[Service] = []
    try:
        for server in servers:
            # One by one: those that started are stopped if the next one does not.
            services += [await Service.start(server)]
        yield services
    finally:
        await asyncio.gather(*(service.stop() for service in services))


@contextlib.contextmanager
def _signals(pressed: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, pressed)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
