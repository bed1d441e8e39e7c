"""The harness's end of one worker process: start, lines in and out, log, end."""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from asyncio.subprocess import PIPE, Process
from collections import deque
from pathlib import Path

from pydantic import ValidationError

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.trial import Assignment, WorkerReport
from agentdyno.runners.base import Emit
from agentdyno.runners.flight import Flight, WorkerDied
from agentdyno.runners.protocol import (
    FROM_WORKER,
    AskUser,
    Cancel,
    Cancelling,
    Close,
    Done,
    Emitted,
    FromHarness,
    Ready,
    Refused,
    Run,
    UserSays,
)
from agentdyno.runners.ref import RunnerRef
from agentdyno.runners.switches import worker_environment
from agentdyno.runners.turns import Line, User

_BOOT = Path(__file__).with_name("_boot.py")
_LINE_BYTES = 64 * 2**20
_LOG_BYTES = 64 * 2**10
_CLOSE_S = 5.0
_LAST_WORDS_S = 0.5


class WorkerProcess:
    """One process; made by `start`, ended by `close` or `kill`."""

    ready: Ready

    def __init__(self, process: Process, folder: Path, ref: RunnerRef) -> None:
        self._process = process
        self._folder = folder
        self._ref = ref
        self._log: deque[bytes] = deque()
        self._log_bytes = 0
        self._tokens: set[str] = set()
        self._said_ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._read(), name=f"{ref.label} protocol")
        self._logger = asyncio.create_task(self._drain(), name=f"{ref.label} log")
        self.flights: dict[str, Flight] = {}
        """Trials that run now, by id."""
        self.taken = 0
        """Trials that were ever given to this process."""
        self.usable = True
        """False once the process ended or is about to."""

    @classmethod
    async def start(cls, ref: RunnerRef, timeout_s: float) -> "WorkerProcess":
        """Start the runner's process and wait until it takes trials.

        Raises:
            EnvironmentFault: it cannot start, says no, dies or is silent for `timeout_s` seconds.
        """
        folder = Path(tempfile.mkdtemp(prefix="agentdyno-"))
        work = folder / "work"
        work.mkdir()
        modules = [f"{name}={file}" for name, file in ref.modules.items()]
        try:
            process = await asyncio.create_subprocess_exec(
                str(ref.python), "-P", str(_BOOT), ref.path, *modules,
                stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=_LINE_BYTES, cwd=work,
                env=worker_environment(folder),
                # Ctrl-C in the terminal is the harness's to handle, and one signal ends all
                # that the framework started.
                start_new_session=True,
            )
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise EnvironmentFault(
                f"the environment of {ref.label} cannot start: {error.strerror}: {ref.python}",
                f"agentdyno env sync {ref.label}",
            ) from error
        self = cls(process, folder, ref)
        try:
            self.ready = await asyncio.wait_for(self._said_ready, timeout_s)
        except TimeoutError:
            await self.kill()
            raise self._fault(f"did not get ready within {timeout_s:g} s") from None
        except BaseException:
            await self.kill()
            raise
        return self

    def submit(self, assignment: Assignment, emit: Emit, user: User | None = None) -> Flight:
        """Start a trial; its `report` fails with WorkerDied when the process goes away."""
        report: asyncio.Future[WorkerReport] = asyncio.get_running_loop().create_future()
        flight = self.flights[assignment.trial_id] = Flight(
            emit, report, Line(user) if user else None
        )
        self.taken += 1
        self._tokens.add(assignment.token)
        self._send(Run(assignment=assignment))
        return flight

    def cancel(self, trial_id: str) -> None:
        """Ask the worker to cancel a trial."""
        if flight := self.flights.get(trial_id):
            flight.hang_up()
        self._send(Cancel(trial_id=trial_id))

    async def kill(self) -> None:
        """End the process and everything that it started, now."""
        self.usable = False
        self._signal()
        await asyncio.wait([self._reader, self._logger], timeout=_CLOSE_S)
        assert self._process.stdin is not None
        self._process.stdin.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def close(self) -> None:
        """Let the worker release what it holds and exit; kill it when it does not."""
        self.usable = False
        self._send(Close())
        await asyncio.wait([self._reader], timeout=_CLOSE_S)
        await self.kill()

    def stderr_tail(self, lines: int = 20) -> str:
        """Return the last lines that the process printed, without tokens."""
        text = b"".join(self._log).decode(errors="replace")
        for token in filter(None, self._tokens):
            text = text.replace(token, "<token>")
        return "\n".join(text.splitlines()[-lines:])

    def _send(self, message: FromHarness) -> None:
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.write(message.model_dump_json().encode() + b"\n")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            while line := await self._process.stdout.readline():
                self._receive(line)
        except (ValidationError, ValueError) as error:
            # Something wrote into the private pipe: nothing that follows can be trusted.
            self._note(f"broken protocol: {error}\n".encode())
            self._signal()
        self.usable = False
        # What it started may still hold its log open.
        await asyncio.wait([self._logger], timeout=_LAST_WORDS_S)
        if self._process.returncode is None:
            self._signal()
        await self._process.wait()
        self._ended()

    def _signal(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _receive(self, line: bytes) -> None:
        match FROM_WORKER.validate_json(line):
            case Ready() as ready if not self._said_ready.done():
                self._said_ready.set_result(ready)
            case Refused(error=error) if not self._said_ready.done():
                self._said_ready.set_exception(self._refusal(error))
            case Emitted(trial_id=trial_id, event=event):
                if flight := self.flights.get(trial_id):
                    flight.emit(event)
            case AskUser(trial_id=trial_id, answers=answers):
                if (flight := self.flights.get(trial_id)) and flight.line:
                    flight.thinking = asyncio.create_task(
                        self._answer(trial_id, flight.line, answers), name=f"{trial_id} user"
                    )
            case Cancelling(trial_id=trial_id):
                if flight := self.flights.get(trial_id):
                    flight.heard.set()
            case Done(trial_id=trial_id, report=report):
                flight = self.flights.pop(trial_id)
                flight.hang_up()
                if not flight.report.done():
                    flight.report.set_result(report)

    async def _answer(self, trial_id: str, line: Line, answers: tuple[str, ...]) -> None:
        self._send(UserSays(trial_id=trial_id, text=await line(answers)))

    def _ended(self) -> None:
        how = _manner(self._process.returncode)
        if not self._said_ready.done():
            self._said_ready.set_exception(self._fault(f"{how} before it was ready"))
        flights = list(self.flights.values())
        self.flights.clear()
        for flight in flights:
            flight.hang_up()
            if not flight.report.done():
                flight.report.set_exception(WorkerDied(
                    f"the worker process {how}\n{self.stderr_tail()}".rstrip(), len(flights)
                ))
                # Whoever overran was given up already and does not look any more.
                flight.report.exception()

    async def _drain(self) -> None:
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(2**16):
            self._note(chunk)

    def _note(self, chunk: bytes) -> None:
        self._log.append(chunk)
        self._log_bytes += len(chunk)
        while self._log_bytes - len(self._log[0]) > _LOG_BYTES:
            self._log_bytes -= len(self._log.popleft())

    def _refusal(self, error: str) -> EnvironmentFault:
        hint = f"agentdyno env sync {self._ref.label}"
        if self._ref.other_version:
            hint = f"--runner {self._ref.name}, at the version that its adapter was written for"
        return EnvironmentFault(f"{self._ref.label} does not start: {error}", hint)

    def _fault(self, what: str) -> EnvironmentFault:
        tail = self.stderr_tail()
        log = f"\nits last words:\n{tail}" if tail else ""
        return EnvironmentFault(
            f"the worker of {self._ref.label} {what}{log}", f"agentdyno env sync {self._ref.label}"
        )


def _manner(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"exited with code {code}"
