"""Runs trials in a worker process, replaces the process when one goes wrong, and says whose fault.

A process that dies, or whose event loop no longer turns, takes all of its trials with it, and only
a trial that was alone is known to be the culprit. So trials that shared the process raise
`WorkerReplaced`: the harness opens each again (with fresh instruments) and runs it as its last
attempt, which the pool gives a process to itself. A trial that fails alone has failed.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.trial import Assignment, WorkerReport
from agentdyno.core.waiting import WaitingClock
from agentdyno.runners.base import Emit
from agentdyno.runners.flight import Flight, WorkerDied
from agentdyno.runners.process import WorkerProcess
from agentdyno.runners.ref import RunnerRef
from agentdyno.runners.turns import User

START_TIMEOUT_S = 120.0
"""Seconds for interpreter start and framework import; a cold disk is slow."""


class WorkerReplaced(Exception):
    """The worker went away during a trial that shared it with others; run the trial again."""


def nothing() -> None:
    """Do nothing: who starts a trial need not watch its clock."""


class TrialHost(Protocol):
    """Executes trials of one runner, several at a time."""

    async def run(
        self, assignment: Assignment, emit: Emit, *, last_attempt: bool = False,
        started: Callable[[], None] = nothing, user: User | None = None,
        clock: WaitingClock | None = None,
    ) -> WorkerReport:
        """Execute one trial; never raises for what the framework did.

        `started` is called when the trial's clock starts: after waiting for a slot and for the
        process. With `last_attempt` the trial runs alone, so that its end is its own doing.
        `user` is asked for the turns of an assignment that `asks_user`; what he raises is raised
        here when the trial is over. What `clock` counts is not held against `limits.timeout_s`.

        Raises:
            EnvironmentFault: the runner cannot be started.
            WorkerReplaced: another trial may be to blame; never raised with `last_attempt`.
        """
        ...

    async def close(self) -> None:
        """End what is running and release everything."""
        ...


class WorkerPool:
    """Hosts the trials of one runner in a process of its own, started with the first trial."""

    def __init__(
        self, ref: RunnerRef, slots: int, *, recycle_after: int = 2000, grace_s: float = 2.0,
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        """Prepare for at most `slots` trials at a time.

        `recycle_after` trials a process is replaced, because frameworks leak a little with each.
        A cancelled trial has `grace_s` seconds to close its connections.
        """
        self._ref = ref
        self._slots = slots
        self._recycle_after = recycle_after
        self._grace_s = grace_s
        self._start_timeout_s = start_timeout_s
        self._free = asyncio.Semaphore(slots)
        self._alone = asyncio.Lock()
        self._starting = asyncio.Lock()
        self._process: WorkerProcess | None = None
        self._retired: set[WorkerProcess] = set()
        self._burials: set[asyncio.Task[None]] = set()
        self._fault: EnvironmentFault | None = None

    async def run(
        self, assignment: Assignment, emit: Emit, *, last_attempt: bool = False,
        started: Callable[[], None] = nothing, user: User | None = None,
        clock: WaitingClock | None = None,
    ) -> WorkerReport:
        """See `TrialHost.run`; cancelling this coroutine cancels the trial in the worker."""
        needed = self._slots if last_attempt else 1
        await self._acquire(needed)
        try:
            process = await self._current()
            started()
            return await self._fly(process, assignment, emit, user, clock or WaitingClock())
        except WorkerDied as death:
            if death.together > 1 and not last_attempt:
                raise WorkerReplaced(str(death)) from death
            return WorkerReport(ended="died", error_type="WorkerDied", error=str(death))
        finally:
            for _ in range(needed):
                self._free.release()
            self._bury()

    async def start(self) -> None:
        """Start the process before the first trial asks for it; raises EnvironmentFault."""
        await self._current()

    async def close(self) -> None:
        """End all processes, politely where they listen."""
        processes = {*self._retired, *([self._process] if self._process else [])}
        self._process = None
        self._retired.clear()
        await asyncio.gather(*(process.close() for process in processes), *self._burials)

    def stderr_tail(self, lines: int = 20) -> str:
        """Return the last lines that the current process printed, without tokens."""
        return self._process.stderr_tail(lines) if self._process else ""

    async def _acquire(self, slots: int) -> None:
        if slots == 1:
            await self._free.acquire()
            return
        held = 0
        try:
            # Two trials that each wait for all slots would wait for each other.
            async with self._alone:
                while held < slots:
                    await self._free.acquire()
                    held += 1
        except asyncio.CancelledError:
            for _ in range(held):
                self._free.release()
            raise

    async def _current(self) -> WorkerProcess:
        async with self._starting:
            process = self._process
            if process and process.usable and process.taken < self._recycle_after:
                return process
            if self._fault:
                raise self._fault
            if process:
                self._retired.add(process)
                self._process = None
                self._bury()
            try:
                self._process = await WorkerProcess.start(self._ref, self._start_timeout_s)
            except EnvironmentFault as fault:
                self._fault = fault
                raise
            return self._process

    def _bury(self) -> None:
        for process in [p for p in self._retired if not p.flights]:
            self._retired.discard(process)
            burial = asyncio.create_task(process.close(), name=f"{self._ref.label} burial")
            self._burials.add(burial)
            burial.add_done_callback(self._burials.discard)

    async def _fly(
        self, process: WorkerProcess, assignment: Assignment, emit: Emit, user: User | None,
        clock: WaitingClock,
    ) -> WorkerReport:
        flight = process.submit(assignment, emit, user)
        try:
            done = await clock.done(flight.report, assignment.limits.timeout_s)
        except asyncio.CancelledError:
            with contextlib.suppress(WorkerDied):
                await self._stop(process, assignment.trial_id, flight)
            raise
        if done:
            report = flight.report.result()
            if flight.line:
                flight.line.check()
            return report
        report = await self._stop(process, assignment.trial_id, flight)
        return report.model_copy(update={"ended": "timeout", "answer": None})

    async def _stop(
        self, process: WorkerProcess, trial_id: str, flight: Flight
    ) -> WorkerReport:
        """Cancel a trial, by force after the grace; returns what is known of it.

        Raises:
            WorkerDied: the worker did not even hear, and other trials may be what blocks it.
        """
        process.cancel(trial_id)
        done, _ = await asyncio.wait([flight.report], timeout=self._grace_s)
        if not done:
            together = len(process.flights)
            await process.kill()
            if together > 1 and not flight.heard.is_set():
                raise WorkerDied("the worker's event loop was blocked", together)
            return WorkerReport(ended="cancelled", versions=process.ready.versions)
        return flight.report.result()
