"""Asks on the terminal whether a budget may go beyond 90 percent."""

import asyncio
import sys

from agentdyno.cli.progress import RunView
from agentdyno.core.errors import UsageError
from agentdyno.models.account import Level
from agentdyno.models.budget import Approver


def ask_on(view: RunView) -> Approver:
    """Return an approver that asks whoever sits at the terminal.

    Raises:
        UsageError: nobody does.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            "--ask needs a terminal to ask on, and stdin is none.", "leave --ask out"
        )

    async def approve(level: Level) -> bool:
        view.note(f"{level} [y/N]")
        answer = await asyncio.to_thread(sys.stdin.readline)
        return answer.strip().lower() in ("y", "yes")

    return approve
