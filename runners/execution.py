"""One trial on one runner: whatever the framework does, a report comes out."""

import asyncio
import sys
import traceback
from dataclasses import dataclass
from importlib import metadata

from agentdyno.core.trial import Assignment, WorkerReport
from agentdyno.runners.base import Emit, Runner
from agentdyno.runners.turns import Turns, User

_TRACEBACK_LINES = 12


@dataclass(eq=False)
class Execution:
    """A trial from its assignment to its report, cancellable at any moment."""

    runner: Runner
    assignment: Assignment
    versions: dict[str, str]
    user: User | None = None
    """Says what the assignment does not; given when it `asks_user`."""
    cancelled: bool = False
    _task: "asyncio.Task[object] | None" = None

    def cancel(self) -> None:
        """Ask the framework to stop; `run` then reports `cancelled`."""
        self.cancelled = True
        # A task cancelled before its first step would never report: `run` looks for itself.
        if self._task:
            self._task.cancel()

    async def run(self, emit: Emit) -> WorkerReport:
        """Drive the runner; the report lacks only what belongs to the process."""
        self._task = asyncio.current_task()
        report = WorkerReport(ended="cancelled", versions=self.versions)
        if self.cancelled:
            return report
        try:
            report = report.model_copy(update={"parity": self.runner.parity(self.assignment)})
            turns = Turns(self.assignment.user_turns, self.user)
            answer = await self.runner.run(self.assignment, emit, turns)
        except BaseException as error:
            if self.cancelled:
                return report
            # Also what is no Exception: a framework's own SystemExit or CancelledError ends
            # its trial, not the process.
            return report.model_copy(update={
                "ended": "raised", "error_type": type(leaf(error)).__name__,
                "error": describe(error),
            })
        if self.cancelled:
            return report
        return report.model_copy(update={"ended": "returned", "answer": answer})


def versions(runner: Runner) -> dict[str, str]:
    """Return the versions of python and of the runner's packages in this environment.

    Raises:
        PackageNotFoundError: one of the packages is not installed.
    """
    found = {package: metadata.version(package) for package in runner.packages}
    return {"python": ".".join(map(str, sys.version_info[:3])), **found}


def leaf(error: BaseException) -> BaseException:
    """Return the only exception inside nested groups of one, or `error` itself."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def describe(error: BaseException) -> str:
    """Return the message of `error` and the last lines of its traceback."""
    cause = leaf(error)
    shown = cause if cause.__traceback__ else error
    lines = "".join(traceback.format_exception(shown, chain=False)).splitlines()
    # The markers under each line of source say nothing once the lines are cut short.
    telling = [line for line in lines if line.strip(" ^~")]
    return "\n".join([str(cause) or type(cause).__name__, *telling[-_TRACEBACK_LINES:]])
