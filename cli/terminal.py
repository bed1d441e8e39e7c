"""Questions on the terminal that a run was started from, one at a time, between its bars."""

import asyncio
import os
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console

from agentdyno.cli.progress import RunView
from agentdyno.core.errors import UsageError

_LINE_BYTES = 65_536


class Terminal:
    """Somebody who can be asked."""

    def __init__(self, view: RunView, option: str) -> None:
        """
        Args:
            view: what shows the run; its bars rest and its lines wait while somebody is asked.
            option: what the user typed to be asked, for the message when he cannot be.

        Raises:
            UsageError: there is no terminal.
        """
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            missing = "stdin" if not sys.stdin.isatty() else "stderr"
            raise UsageError(
                f"{option} needs a terminal to ask on, and {missing} is none.",
                f"run it in a terminal, or leave {option} out",
            )
        self._view = view
        self._floor = asyncio.Lock()

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Console]:
        """Wait until nobody else asks; yields the console for questions."""
        async with self._floor:
            with self._view.paused() as console:
                yield console

    async def line(self, console: Console, prompt: str) -> str | None:
        """Ask, and return the line that is typed; null at the end of the input.

        What was typed before the question is dropped: it answers another one. Cancelling it takes
        the question back, and the next line is not lost with it.
        """
        source = sys.stdin.fileno()
        loop = asyncio.get_running_loop()
        typed: asyncio.Future[bytes] = loop.create_future()

        def read() -> None:
            try:
                data = os.read(source, _LINE_BYTES)
            except OSError:
                # The terminal was closed.
                data = b""
            if not typed.done():
                typed.set_result(data)

        termios.tcflush(source, termios.TCIFLUSH)
        console.print(prompt, end=" ", style="bold yellow", markup=False, soft_wrap=True)
        loop.add_reader(source, read)
        try:
            data = await typed
        except asyncio.CancelledError:
            console.print()
            raise
        finally:
            loop.remove_reader(source)
        return data.decode(errors="replace").strip() if data else None
