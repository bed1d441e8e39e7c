"""Runs planned trials side by side, keeps each result, and stops the way it is told to."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agentdyno.core.event import WireRecord
from agentdyno.core.sink import Watch
from agentdyno.core.trial import Outcome, Trial
from agentdyno.experiments.plan import PlannedTrial
from agentdyno.runners.pool import TrialHost

Execute = Callable[[PlannedTrial, TrialHost], Awaitable[tuple[Trial, Sequence[WireRecord]]]]
"""Runs one trial to its end."""

Keep = Callable[[Trial, Sequence[WireRecord]], Awaitable[None]]
"""Makes one sealed trial durable."""


@dataclass(eq=False)
class Watcher:
    """What a user sees while a matrix runs; the defaults show nothing."""

    def started(self, planned: PlannedTrial) -> None:
        """A trial begins."""

    def ended(self, trial: Trial) -> None:
        """A trial is sealed and kept."""

    def watch(self, planned: PlannedTrial) -> Watch | None:
        """Return what is to be told of a trial as it happens; null tells nothing."""
        return None

    def note(self, text: str) -> None:
        """Something is to be said about the run."""


@dataclass(eq=False)
class Brake:
    """Two ways to stop: finish what runs (`soft`), or drop it (`hard`)."""

    soft: bool = False
    why: str = ""
    """Why the run stops itself; "" when a person stops it."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def stop(self, why: str) -> None:
        """Start nothing new, for a reason of the run's own."""
        if not self.soft:
            self.soft, self.why = True, why

    def press(self) -> None:
        """First press: start nothing new. Second press: cancel what runs."""
        if self.soft:
            for task in self.tasks:
                task.cancel()
        self.soft = True


async def run_trials(
    trials: Sequence[PlannedTrial],
    execute: Execute,
    hosts: Mapping[str, TrialHost],
    keep: Keep,
    *,
    concurrency: int,
    brake: Brake,
    watcher: Watcher,
) -> list[str]:
    """Run `trials` in order, at most `concurrency` at once; returns the ids of those sealed.

    A trial counts when it is kept, which happens behind the next trial's back, so that many are
    kept in one transaction. Trials cancelled by the brake are neither kept nor returned, so that
    the next run finds them missing. The first trial that cannot be kept ends the run.
    """
    waiting = iter(trials)
    sealed: list[str] = []
    keeping: set[asyncio.Task[None]] = set()

    async def finish(trial: Trial, wire: Sequence[WireRecord]) -> None:
        await keep(trial, wire)
        sealed.append(trial.id)
        watcher.ended(trial)

    async def lane() -> None:
        for planned in waiting:
            if brake.soft or any(task.done() for task in keeping):
                return
            watcher.started(planned)
            trial, wire = await execute(planned, hosts[planned.runner.label])
            if trial.outcome is Outcome.CANCELLED:
                return
            task = asyncio.create_task(finish(trial, wire), name=f"keep-{trial.id}")
            keeping.add(task)
            task.add_done_callback(forget)

    def forget(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and not task.exception():
            keeping.discard(task)

    brake.tasks.update(
        asyncio.create_task(lane(), name=f"lane-{number}")
        for number in range(min(concurrency, len(trials)))
    )
    results = await asyncio.gather(*brake.tasks, return_exceptions=True)
    results += await asyncio.gather(*keeping, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return sealed
