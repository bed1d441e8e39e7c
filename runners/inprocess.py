"""`--isolation inprocess`: a runner inside the harness process, where a debugger can reach it.

What a worker process buys is missing here: CPU and memory include the harness's own, a framework
that blocks the event loop stops everything, and nothing can be killed.
"""

import asyncio
import os
from collections.abc import Callable
from importlib import metadata

from agentdyno.core.errors import UsageError
from agentdyno.core.trial import Assignment, WorkerReport
from agentdyno.core.waiting import WaitingClock
from agentdyno.runners.base import Emit, Runner
from agentdyno.runners.execution import Execution, versions
from agentdyno.runners.meter import CpuMeter
from agentdyno.runners.pool import nothing
from agentdyno.runners.ref import RunnerRef
from agentdyno.runners.registry import load_runner
from agentdyno.runners.switches import QUIET
from agentdyno.runners.turns import Line, User


class InProcessHost:
    """A `TrialHost` without a process of its own."""

    def __init__(self, ref: RunnerRef, slots: int, *, grace_s: float = 2.0) -> None:
        """Import the runner of `ref` here, for at most `slots` trials at a time.

        Raises:
            UsageError: its package is not installed in this environment at this version.
        """
        self._runner = _load(ref)
        self._versions = versions(self._runner)
        self._free = asyncio.Semaphore(slots)
        self._grace_s = grace_s
        self._meter = CpuMeter()
        self._tasks: set[asyncio.Task[WorkerReport]] = set()

    async def run(
        self, assignment: Assignment, emit: Emit, *, last_attempt: bool = False,
        started: Callable[[], None] = nothing, user: User | None = None,
        clock: WaitingClock | None = None,
    ) -> WorkerReport:
        """See `TrialHost.run`; a trial that ignores its cancellation is left behind."""
        line = Line(user) if user else None
        async with self._free:
            started()
            execution = Execution(self._runner, assignment, self._versions, line)
            self._meter.start(assignment.trial_id)
            try:
                report = await self._timed(execution, emit, clock or WaitingClock())
            finally:
                used = self._meter.stop(assignment.trial_id)
        if line:
            line.check()
        return report.model_copy(update=used)

    async def close(self) -> None:
        """Release what the runner holds."""
        await self._runner.close()

    async def _timed(
        self, execution: Execution, emit: Emit, clock: WaitingClock
    ) -> WorkerReport:
        task = asyncio.create_task(execution.run(emit), name=execution.assignment.trial_id)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            done = await clock.done(task, execution.assignment.limits.timeout_s)
        except asyncio.CancelledError:
            await self._stop(execution, task)
            raise
        if done:
            return task.result()
        report = await self._stop(execution, task)
        return report.model_copy(update={"ended": "timeout"})

    async def _stop(self, execution: Execution, task: "asyncio.Task[WorkerReport]") -> WorkerReport:
        execution.cancel()
        await asyncio.wait([task], timeout=self._grace_s)
        if task.done():
            return task.result()
        return WorkerReport(ended="cancelled", versions=self._versions)


def _load(ref: RunnerRef) -> Runner:
    try:
        found = metadata.version(ref.package)
    except metadata.PackageNotFoundError:
        raise UsageError(
            f"{ref.package} is not installed in agentdyno's own environment, so {ref.label} "
            "cannot run inside the harness.",
            "leave out --isolation inprocess: the runner then gets its own environment",
        ) from None
    if found != ref.version:
        raise UsageError(
            f"agentdyno's own environment has {ref.package} {found} and not {ref.version}.",
            f"--runner {ref.name}@{found}, or leave out --isolation inprocess",
        )
    # Nothing may be measured, or leave the machine, that would not in a worker.
    os.environ.update(QUIET)
    return load_runner(ref.path)()
