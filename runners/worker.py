"""The process that hosts one runner, in the runner's own environment.

It takes `protocol` lines and runs each trial as one asyncio task. The pipes of the protocol are
private: file descriptor 0 reads nothing and 1 leads to the log, so no print of a framework can
break in. When the harness goes away its end of the pipe closes, and this process ends too.
"""

import asyncio
import os
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from importlib import metadata
from typing import BinaryIO

from agentdyno.core.event import Message, Step
from agentdyno.core.trial import Assignment, WorkerReport
from agentdyno.runners.base import Runner
from agentdyno.runners.meter import CpuMeter, peak_rss_mb
from agentdyno.runners.protocol import (
    TO_WORKER,
    Cancel,
    Close,
    Done,
    Emitted,
    Ready,
    Refused,
    Run,
)
from agentdyno.runners.registry import load_runner

GRACE_S = 2.0
"""Seconds that running trials get to close their connections when the process is to end."""
_TRACEBACK_LINES = 12


def main(path: str) -> None:
    """Host the runner at dotted `path` until the harness says `close` or goes away."""
    source, sink = _private_pipes()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    code = loop.run_until_complete(_serve(path, source, sink))
    sys.stderr.flush()
    # Leaving by the ordinary way would wait for threads that a framework never ends.
    os._exit(code)


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    return source, sink


async def _serve(path: str, source: BinaryIO, sink: BinaryIO) -> int:
    mouth = Mouth(sink)
    try:
        runner = load_runner(path)()
        ready = Ready(pid=os.getpid(), versions=versions(runner), cpu_s=time.process_time())
    except Exception as error:
        mouth.say(Refused(error=describe(error)))
        return 1
    worker = Worker(runner, ready.versions, mouth)
    mouth.say(ready)
    gone = threading.Event()
    threading.Thread(
        target=_listen, args=(source, worker, asyncio.get_running_loop(), gone), daemon=True
    ).start()
    await worker.closing.wait()
    await worker.close()
    gone.set()
    return 0


def _listen(
    source: BinaryIO, worker: "Worker", loop: asyncio.AbstractEventLoop, gone: threading.Event
) -> None:
    """Read lines in a thread of its own, so that a runner that blocks the loop is outlived."""
    for line in source:
        loop.call_soon_threadsafe(worker.receive, line)
    loop.call_soon_threadsafe(worker.closing.set)
    if not gone.wait(2 * GRACE_S):
        os._exit(1)


class Mouth:
    """Writes lines from any thread, and never a trial's token."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._lock = threading.Lock()
        self.tokens: dict[str, bytes] = {}

    def say(self, message: Ready | Refused | Emitted | Done) -> None:
        """Write one line."""
        line = message.model_dump_json().encode()
        for token in tuple(self.tokens.values()):
            line = line.replace(token, b"<token>")
        with self._lock:
            self._sink.write(line + b"\n")
            self._sink.flush()


@dataclass(eq=False)
class _Running:
    task: asyncio.Task[None] | None = None
    """Null until the task takes its first step: cancelled before, it would never report."""
    cancelled: bool = False


class Worker:
    """Runs trials side by side on one runner."""

    def __init__(self, runner: Runner, versions: dict[str, str], mouth: Mouth) -> None:
        self.closing = asyncio.Event()
        self._runner = runner
        self._versions = versions
        self._mouth = mouth
        self._meter = CpuMeter()
        self._running: dict[str, _Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def receive(self, line: bytes) -> None:
        """Do what one line of the harness says."""
        match TO_WORKER.validate_json(line):
            case Run(assignment=assignment):
                running = self._running[assignment.trial_id] = _Running()
                task = asyncio.create_task(self._trial(assignment, running))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case Cancel(trial_id=trial_id):
                self._cancel(trial_id)
            case Close():
                self.closing.set()

    async def close(self) -> None:
        """Cancel what runs, then release the runner; takes at most twice `GRACE_S`."""
        for trial_id in self._running:
            self._cancel(trial_id)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE_S)
        try:
            await asyncio.wait_for(self._runner.close(), GRACE_S)
        except Exception:
            # The process is about to end anyway; the reason belongs in its log.
            traceback.print_exc()

    def _cancel(self, trial_id: str) -> None:
        running = self._running.get(trial_id)
        if running:
            running.cancelled = True
            if running.task:
                running.task.cancel()

    async def _trial(self, assignment: Assignment, running: _Running) -> None:
        trial_id = assignment.trial_id
        running.task = asyncio.current_task()
        self._mouth.tokens[trial_id] = assignment.token.encode()
        self._meter.start(trial_id)
        cold = not self._warm
        report = await self._outcome(assignment, running)
        self._warm = True
        used = {
            "cpu_s": self._meter.stop(trial_id), "cold": cold, "peak_rss_mb": peak_rss_mb(),
        }
        del self._running[trial_id]
        self._mouth.say(Done(trial_id=trial_id, report=report.model_copy(update=used)))
        del self._mouth.tokens[trial_id]

    async def _outcome(self, assignment: Assignment, running: _Running) -> WorkerReport:
        report = WorkerReport(ended="cancelled", versions=self._versions)
        if running.cancelled:
            return report
        try:
            report = report.model_copy(update={"parity": self._runner.parity(assignment)})
            answer = await self._runner.run(assignment, self._emitter(assignment.trial_id))
        except BaseException as error:
            if running.cancelled:
                return report
            # Also what is no Exception: a framework's own SystemExit or CancelledError ends
            # its trial, not the worker.
            return report.model_copy(update={
                "ended": "raised", "error_type": type(leaf(error)).__name__,
                "error": describe(error),
            })
        if running.cancelled:
            return report
        return report.model_copy(update={"ended": "returned", "answer": answer})

    def _emitter(self, trial_id: str) -> "_Emitter":
        return _Emitter(trial_id, self._running, self._mouth)


@dataclass(frozen=True, eq=False)
class _Emitter:
    trial_id: str
    running: dict[str, _Running]
    mouth: Mouth

    def __call__(self, event: Message | Step) -> None:
        """Send `event`, unless its trial has ended: threads of a framework may outlive it."""
        if self.trial_id in self.running:
            self.mouth.say(Emitted(trial_id=self.trial_id, event=event))


def versions(runner: Runner) -> dict[str, str]:
    """Return the versions of python and of the runner's packages in this environment."""
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
