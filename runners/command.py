"""Hosts a user's own program: one process for each user turn, between the same two gateways.

The program finds in its environment

    OPENAI_BASE_URL, OPENAI_API_KEY   the model gateway (also OPENAI_API_BASE, for older clients)
    AGENTDYNO_MODEL                   the model alias to ask for
    AGENTDYNO_MCP_URL                 the tool gateway, absent without tools; the bearer token is
                                      OPENAI_API_KEY
    AGENTDYNO_TASK                    what the user says; also on standard input
    AGENTDYNO_HISTORY                 the turns before it, as JSON chat messages
    AGENTDYNO_AGENTS                  role, goal, instructions, addresses of every agent, as JSON
    AGENTDYNO_TRIAL                   the trial's id
    AGENTDYNO_ANSWER_FILE             where the answer may be written

and whatever else the harness's environment holds, but for keys of providers and of databases.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentdyno.core.errors import EnvironmentFault, UsageError
from agentdyno.core.pattern import pattern_agents
from agentdyno.core.trial import Answer, Assignment, WorkerReport
from agentdyno.core.waiting import WaitingClock
from agentdyno.runners.base import Emit
from agentdyno.runners.own import OwnRef, find_program
from agentdyno.runners.pool import nothing
from agentdyno.runners.switches import QUIET
from agentdyno.runners.turns import Line, Turns, User

CALL = Path(__file__).with_name("_call.py")
_SECRET = re.compile(r"(_API_KEY|_TOKEN|_SECRET|PASSWORD|DATABASE_URL)$")
_REFERENCE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_LAST_LINES = 20
_LOOK_S = 0.05
"""Seconds between two looks at the program's memory."""


class ProgramFailed(Exception):
    """The program ended with an error, or left no answer."""


@dataclass(kw_only=True)
class _Used:
    """What the processes of one trial used."""

    cpu_s: float = 0.0
    peak_rss_mb: float = 0.0


class CommandHost:
    """A `TrialHost` that starts the user's program."""

    def __init__(self, ref: OwnRef, slots: int) -> None:
        """Prepare for at most `slots` trials at a time."""
        self._ref = ref
        self._free = asyncio.Semaphore(slots)
        self._waiters = ThreadPoolExecutor(slots, thread_name_prefix=ref.name)

    async def run(
        self, assignment: Assignment, emit: Emit, *, last_attempt: bool = False,
        started: Callable[[], None] = nothing, user: User | None = None,
        clock: WaitingClock | None = None,
    ) -> WorkerReport:
        """See `TrialHost.run`; a cancelled trial's processes are killed."""
        line = Line(user) if user else None
        used = _Used()
        async with self._free:
            started()
            turns = Turns(assignment.user_turns, line)
            report = await self._timed(assignment, turns, used, clock or WaitingClock())
        if line:
            line.check()
        return report.model_copy(update={
            "cpu_s": used.cpu_s, "peak_rss_mb": used.peak_rss_mb, "cold": True,
            "versions": {self._ref.name: self._ref.version},
        })

    async def close(self) -> None:
        """Release the threads that wait for programs."""
        self._waiters.shutdown()

    async def _timed(
        self, assignment: Assignment, turns: Turns, used: _Used, clock: WaitingClock
    ) -> WorkerReport:
        task = asyncio.create_task(self._converse(assignment, turns, used))
        try:
            if not await clock.done(task, assignment.limits.timeout_s):
                return WorkerReport(ended="timeout")
            return WorkerReport(ended="returned", answer=Answer(texts=await task))
        except ProgramFailed as failure:
            return WorkerReport(ended="raised", error_type="ProgramFailed", error=str(failure))
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _converse(
        self, assignment: Assignment, turns: Turns, used: _Used
    ) -> tuple[str, ...]:
        history: list[dict[str, str]] = []
        async for turn in turns:
            text = await self._turn(assignment, turn, history, used)
            history += [{"role": "user", "content": turn}, {"role": "assistant", "content": text}]
            turns.answered(text)
        return turns.answers

    async def _turn(
        self, assignment: Assignment, turn: str, history: Sequence[dict[str, str]], used: _Used
    ) -> str:
        spec = self._ref.spec
        with tempfile.TemporaryDirectory(prefix="agentdyno-own-") as name:
            folder = Path(name)
            answer = folder / "answer"
            environ = self._environment(assignment, turn, history, answer)
            code = await self._process(folder, environ, turn, used)
            told = _read(folder / "stderr").replace(assignment.token, "<token>")
            last = "\n".join(told.splitlines()[-_LAST_LINES:])
            if code:
                raise ProgramFailed(f"{self._ref.name} {_manner(code)}\n{last}".rstrip())
            if spec.runner == "command" and spec.answer == "stdout":
                return _read(folder / "stdout").strip()
            if not answer.is_file():
                what = f"{self._ref.name} ended well and left no answer in AGENTDYNO_ANSWER_FILE"
                raise ProgramFailed(f"{what}\n{last}".rstrip())
            return _read(answer).strip()

    async def _process(
        self, folder: Path, environ: Mapping[str, str], turn: str, used: _Used
    ) -> int:
        """Run the program to its end, add what it used, and return its exit code."""
        (folder / "stdin").write_text(turn, encoding="utf-8")
        with (
            (folder / "stdin").open("rb") as stdin, (folder / "stdout").open("wb") as stdout,
            (folder / "stderr").open("wb") as stderr,
        ):
            try:
                process = subprocess.Popen(  # noqa: ASYNC220 returns when the program has started
                    self._command(), stdin=stdin, stdout=stdout, stderr=stderr,
                    cwd=self._ref.folder, env=environ, start_new_session=True,
                )
            except OSError as error:
                raise EnvironmentFault(
                    f"{self._ref.name} cannot be started: {error.strerror}",
                    "correct `command` in its file",
                ) from error
        loop = asyncio.get_running_loop()
        ended = loop.run_in_executor(self._waiters, os.wait4, process.pid, 0)
        try:
            while not (await asyncio.wait([ended], timeout=_LOOK_S))[0]:
                used.peak_rss_mb = max(used.peak_rss_mb, _memory_mb(process.pid))
        finally:
            # Also what it started and left behind.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.wait([ended])
            _, status, usage = ended.result()
            process.returncode = os.waitstatus_to_exitcode(status)
        used.cpu_s += usage.ru_utime + usage.ru_stime
        return process.returncode

    def _command(self) -> list[str]:
        spec = self._ref.spec
        if spec.command is not None:
            program, *arguments = spec.command
        else:
            program, arguments = spec.python or sys.executable, [str(CALL), spec.target or ""]
        found = find_program(program, self._ref.folder)
        if found is None:
            raise EnvironmentFault(f"{program} is gone.", "install it again")
        return [found, *arguments]

    def _environment(
        self, assignment: Assignment, turn: str, history: Sequence[dict[str, str]], answer: Path
    ) -> dict[str, str]:
        first = pattern_agents(assignment.pattern)[0]
        endpoint = assignment.endpoints[first]
        kept = {name: value for name, value in os.environ.items() if not _SECRET.search(name)}
        tools = {"AGENTDYNO_MCP_URL": endpoint.mcp_url} if endpoint.mcp_url else {}
        return {
            **kept, **QUIET,
            **{name: _filled(name, text) for name, text in self._ref.spec.env.items()},
            "OPENAI_BASE_URL": endpoint.model_base_url, "OPENAI_API_BASE": endpoint.model_base_url,
            "OPENAI_API_KEY": assignment.token, "AGENTDYNO_MODEL": assignment.agent(first).model,
            "AGENTDYNO_TASK": turn, "AGENTDYNO_TRIAL": assignment.trial_id,
            "AGENTDYNO_HISTORY": json.dumps(history),
            "AGENTDYNO_AGENTS": json.dumps(_agents(assignment)),
            "AGENTDYNO_ANSWER_FILE": str(answer), "NO_PROXY": "127.0.0.1,localhost,::1", **tools,
        }


def _agents(assignment: Assignment) -> dict[str, dict[str, Any]]:
    return {
        spec.name: {
            "role": spec.role, "goal": spec.goal, "instructions": spec.instructions,
            "model": spec.model, "temperature": spec.temperature,
            "base_url": assignment.endpoints[spec.name].model_base_url,
            "mcp_url": assignment.endpoints[spec.name].mcp_url,
        }
        for spec in assignment.agents
    }


def _filled(name: str, text: str) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise UsageError(
                f"the runner's env.{name} reads {match[1]}, which is not set.",
                f"export {match[1]}=...",
            )
        return os.environ[match[1]]

    return _REFERENCE.sub(value, text)


def _memory_mb(pid: int) -> float:
    """Return the highest resident memory of a process so far, in MiB; 0 once it is gone.

    Not from wait4, whose maximum includes that of the harness before it became the program.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    found = re.search(r"^VmHWM:\s+(\d+)", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="replace") if path.is_file() else ""


def _manner(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
