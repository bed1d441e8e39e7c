"""The Runner protocol. An adapter file needs nothing else of agentdyno than this and `core`."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol, runtime_checkable

from agentdyno.core.event import Message, Step
from agentdyno.core.trial import Answer, Assignment, Setting
from agentdyno.runners.support import Support
from agentdyno.runners.turns import Turns

__all__ = ["Emit", "Runner", "Support"]

Emit = Callable[[Message | Step], None]
"""How a runner declares what it sees inside the framework; never needed for measuring."""


@runtime_checkable
class Runner(Protocol):
    """Executes teams in one framework. One instance serves many trials, several at a time."""

    name: ClassVar[str]
    """Name in the registry, and of the lock file."""
    packages: ClassVar[tuple[str, ...]]
    """Distributions whose versions are recorded; the first one is the runner's version."""
    patterns: ClassVar[Mapping[str, Support]]
    """Support by pattern name; the same as in the runner's row."""

    def parity(self, assignment: Assignment) -> tuple[Setting, ...]:
        """Return every setting that the scenario asks for and what the framework really gets."""
        ...

    async def run(self, assignment: Assignment, emit: Emit, turns: Turns) -> Answer:
        """Build the native team, drive it over every user turn, and return its texts.

        What the user says comes from `turns`, never from the assignment, and each turn's answer
        is told there before the next one is asked for.

        Whatever the framework raises passes through: the harness classifies it. Cancelling the
        task must close every connection that the trial opened before the cancellation returns.
        """
        ...

    async def close(self) -> None:
        """Release what trials share (pooled sessions, HTTP clients)."""
        ...
