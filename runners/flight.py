"""One trial inside a worker process, as the harness keeps it in mind."""

import asyncio
from dataclasses import dataclass, field

from agentdyno.core.trial import WorkerReport
from agentdyno.runners.base import Emit
from agentdyno.runners.turns import Line


class WorkerDied(Exception):
    """The process went away while trials were running in it."""

    def __init__(self, message: str, together: int) -> None:
        super().__init__(message)
        self.together = together
        """How many trials were running at that moment."""


@dataclass(eq=False)
class Flight:
    """One trial inside the process."""

    emit: Emit
    report: asyncio.Future[WorkerReport]
    line: Line | None = None
    """The user who is asked for turns."""
    thinking: asyncio.Task[None] | None = None
    """The user's work on his next turn."""
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the worker's event loop took the cancellation."""

    def hang_up(self) -> None:
        """Let the user stop thinking: nobody will hear what he says."""
        if self.thinking:
            self.thinking.cancel()
