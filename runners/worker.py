"""The process that hosts one runner, in the runner's own environment.

It takes `protocol` lines and runs each trial as one asyncio task. When the harness goes away, its
end of the pipe closes and this process ends too, whatever its runner is doing.
"""

import asyncio
import gc
import os
import sys
import threading
import time
import traceback
from typing import BinaryIO

from agentdyno.core.errors import DynoError
from agentdyno.core.event import Message, Step
from agentdyno.core.trial import Assignment
from agentdyno.runners.base import Emit, Runner
from agentdyno.runners.execution import Execution, describe, versions
from agentdyno.runners.meter import CpuMeter
from agentdyno.runners.protocol import (
    TO_WORKER,
    AskUser,
    Cancel,
    Cancelling,
    Close,
    Done,
    Emitted,
    FromRunner,
    Ready,
    Refused,
    Run,
    UserSays,
)
from agentdyno.runners.registry import load_runner
from agentdyno.runners.turns import User

GRACE_S = 2.0
"""Seconds that running trials get to close their connections when the process is to end."""


def main(path: str, source: BinaryIO, sink: BinaryIO) -> None:
    """Host the runner at dotted `path` until the harness says `close` or goes away.

    Lines of the harness come from `source`, ours go to `sink`.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    code = loop.run_until_complete(_serve(path, source, sink))
    sys.stderr.flush()
    # Leaving by the ordinary way would wait for threads that a framework never ends.
    os._exit(code)


async def _serve(path: str, source: BinaryIO, sink: BinaryIO) -> int:
    mouth = Mouth(sink)
    # Nothing that an import makes is garbage, and looking for some is a fifth of its CPU. Trials
    # run with Python's own settings, as they would without us.
    gc.disable()
    try:
        runner = load_runner(path)()
        ready = Ready(pid=os.getpid(), versions=versions(runner), cpu_s=time.process_time())
    except DynoError as error:
        # The adapter has said in the user's words what is missing.
        mouth.say(Refused(error=error.message))
        return 1
    except Exception as error:
        mouth.say(Refused(error=describe(error)))
        return 1
    finally:
        gc.enable()
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

    def say(self, message: FromRunner) -> None:
        """Write one line."""
        line = message.model_dump_json().encode()
        for token in filter(None, tuple(self.tokens.values())):
            line = line.replace(token, b"<token>")
        with self._lock:
            self._sink.write(line + b"\n")
            self._sink.flush()


class Worker:
    """Runs trials side by side on one runner."""

    def __init__(self, runner: Runner, versions: dict[str, str], mouth: Mouth) -> None:
        self.closing = asyncio.Event()
        self._runner = runner
        self._versions = versions
        self._mouth = mouth
        self._meter = CpuMeter()
        self._running: dict[str, Execution] = {}
        self._asked: dict[str, asyncio.Future[str | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def receive(self, line: bytes) -> None:
        """Do what one line of the harness says."""
        match TO_WORKER.validate_json(line):
            case Run(assignment=assignment):
                self._start(assignment)
            case Cancel(trial_id=trial_id):
                if execution := self._running.get(trial_id):
                    execution.cancel()
                    self._mouth.say(Cancelling(trial_id=trial_id))
            case UserSays(trial_id=trial_id, text=text):
                asked = self._asked.get(trial_id)
                if asked and not asked.done():
                    asked.set_result(text)
            case Close():
                self.closing.set()

    async def close(self) -> None:
        """Cancel what runs, then release the runner; takes at most twice `GRACE_S`."""
        for execution in self._running.values():
            execution.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE_S)
        try:
            await asyncio.wait_for(self._runner.close(), GRACE_S)
        except Exception:
            # The process is about to end anyway; the reason belongs in its log.
            traceback.print_exc()

    def _start(self, assignment: Assignment) -> None:
        user = self._asker(assignment.trial_id) if assignment.asks_user else None
        execution = Execution(self._runner, assignment, self._versions, user)
        self._running[assignment.trial_id] = execution
        self._mouth.tokens[assignment.trial_id] = assignment.token.encode()
        task = asyncio.create_task(self._trial(execution), name=assignment.trial_id)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _trial(self, execution: Execution) -> None:
        trial_id = execution.assignment.trial_id
        self._meter.start(trial_id)
        report = await execution.run(self._emitter(trial_id))
        used = self._meter.stop(trial_id)
        del self._running[trial_id]
        self._mouth.say(Done(trial_id=trial_id, report=report.model_copy(update=used)))
        del self._mouth.tokens[trial_id]

    def _asker(self, trial_id: str) -> User:
        async def ask(answers: tuple[str, ...]) -> str | None:
            asked: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
            self._asked[trial_id] = asked
            self._mouth.say(AskUser(trial_id=trial_id, answers=answers))
            try:
                return await asked
            finally:
                del self._asked[trial_id]

        return ask

    def _emitter(self, trial_id: str) -> Emit:
        def emit(event: Message | Step) -> None:
            # Threads of a framework may outlive their trial.
            if trial_id in self._running:
                self._mouth.say(Emitted(trial_id=trial_id, event=event))

        return emit
