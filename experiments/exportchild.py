"""An exporter's own process, as seen from inside: orders on stdin, what came of them on stdout.

Lines of JSON both ways. An order is `{"matrix": ID, "secrets": [...]}`; while it is worked off
`{"done": N, "of": M}` is written now and then, and at its end `{"exported": N}` or
`{"error": ..., "hint": ..., "again": whether trying again may help}`. The process ends when stdin
does.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from agentdyno.core.errors import DynoError, HarnessFault
from agentdyno.core.settings import Settings, read_settings
from agentdyno.store.database import Pool
from agentdyno.store.opening import open_database

Progress = Callable[[int, int], None]
"""Is told how many trials are there of how many."""
Export = Callable[[str, Sequence[str], Progress], Awaitable[int]]
"""Exports one matrix without these secrets; returns how many trials of it are there then."""
Opening = Callable[[Settings, Pool], AbstractAsyncContextManager[Export]]
"""Makes ready what a process exports with."""

_LONGEST = 500


def main(opening: Opening) -> int:
    """Work off orders until there are no more; returns the exit code."""
    # What libraries print is log.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)

    def say(**line: Any) -> None:
        answers.write(json.dumps(line) + "\n")

    asyncio.run(_serve(opening, say))
    return 0


async def _serve(opening: Opening, say: Callable[..., None]) -> None:
    settings = read_settings(os.environ)
    async with open_database(settings) as pool:
        async for order in _orders():
            # Opened for each order: what was away for the last one may be there for this.
            try:
                async with opening(settings, pool) as export:
                    exported = await export(
                        order["matrix"], order["secrets"],
                        lambda done, of: say(done=done, of=of),
                    )
                say(exported=exported)
            except DynoError as error:
                # A fault of the bench, such as a database that is away, passes; all else stays.
                say(error=error.message, hint=error.hint, again=isinstance(error, HarnessFault))
            # What a client library raises has no common class: it is told, and tried again.
            except Exception as error:
                say(error=_told(error), hint="", again=True)


def _told(error: Exception) -> str:
    """Return the beginning of what an error says: a database's goes on with everything it was
    given."""
    said = str(error).partition("[SQL:")[0].strip()
    return f"{type(error).__name__}: {said[:_LONGEST]}"


async def _orders() -> AsyncIterator[dict[str, Any]]:
    while line := await asyncio.to_thread(sys.stdin.readline):
        yield json.loads(line)
