"""What all bare scripts share: N trials, at most C at once, one call of the framework each.

`python SCRIPT BASE_URL TRIALS CONCURRENCY MODE` with MODE `tool` (one in-process tool, one user
turn) or `turns` (no tool, two user turns).
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

Trial = Callable[[str, bool], Awaitable[str]]


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


QUESTION = "What is 2 + 3? Use the tool."
TURNS = ("Hello, who are you?", "What is 2 + 3?")


async def _drive(trial: Trial, url: str, trials: int, concurrency: int, tool: bool) -> None:
    waiting = iter(range(trials))

    async def lane() -> None:
        for _ in waiting:
            text = await trial(url, tool)
            assert "5" in text, text

    await asyncio.gather(*(lane() for _ in range(concurrency)))


def main(trial: Trial) -> None:
    """Run the trials that the command line asks for."""
    url, trials, concurrency, mode = sys.argv[1:]
    asyncio.run(_drive(trial, url, int(trials), int(concurrency), mode == "tool"))
