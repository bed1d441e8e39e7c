"""A stand-in for a framework's adapter: its behaviour is what each user turn says."""

import asyncio
import os
import sys
import threading
import time
from pathlib import Path
from typing import ClassVar

from agentdyno.core.event import Step
from agentdyno.core.trial import Answer, Assignment, Setting
from agentdyno.runners.base import Emit, Support
from agentdyno.runners.turns import Turns


def _exists(file: str) -> bool:
    return Path(file).exists()


def _touch(file: str) -> None:
    Path(file).touch()


class FakeRunner:
    """Does in each trial what the user turn asks: `verb` or `verb argument`."""

    name: ClassVar[str] = "fake"
    packages: ClassVar[tuple[str, ...]] = ("pydantic",)
    patterns: ClassVar[dict[str, Support]] = {"single": Support(kind="native", how="FakeRunner")}

    def parity(self, assignment: Assignment) -> tuple[Setting, ...]:
        """Declare one setting."""
        return (Setting(name="temperature", requested=0.0, effective=0.0),)

    async def run(self, assignment: Assignment, emit: Emit, turns: Turns) -> Answer:
        """Carry out the verb of each turn."""
        async for turn in turns:
            verb, _, argument = turn.partition(" ")
            text = await getattr(self, f"do_{verb}")(assignment, emit, argument)
            turns.answered(str(text))
        return Answer(texts=turns.answers)

    async def close(self) -> None:
        """Leave a mark where the harness can see that this was called."""
        print("runner closed", file=sys.stderr)

    async def do_say(self, assignment: Assignment, emit: Emit, text: str) -> str:
        """Answer with `text`."""
        return text

    async def do_emit(self, assignment: Assignment, emit: Emit, name: str) -> str:
        """Declare a step from a thread, as frameworks with callbacks in threads do."""
        step = Step(agent="solo", started_s=0.0, ended_s=0.1, name=name)
        await asyncio.to_thread(emit, step)
        return name

    async def do_print(self, assignment: Assignment, emit: Emit, text: str) -> str:
        """Write to stdout in every way there is, and try to read the protocol."""
        print(text)
        sys.stdout.flush()
        os.write(1, b'{"op": "done"}\n')
        os.write(2, f"token {assignment.token}\n".encode())
        return os.read(0, 100).decode()

    async def do_raise(self, assignment: Assignment, emit: Emit, text: str) -> str:
        """Fail with the token in the message."""
        raise ExceptionGroup("wrapped", [ValueError(f"{text} {assignment.token}")])

    async def do_exit(self, assignment: Assignment, emit: Emit, text: str) -> str:
        """Ask the interpreter to end, as a command-line framework might."""
        sys.exit(text)

    async def do_abandon(self, assignment: Assignment, emit: Emit, text: str) -> str:
        """Raise CancelledError that nobody asked for."""
        raise asyncio.CancelledError(text)

    async def do_die(self, assignment: Assignment, emit: Emit, code: str) -> str:
        """Take the whole process down."""
        os.write(2, b"segmentation fault, as it were\n")
        os._exit(int(code))

    async def do_env(self, assignment: Assignment, emit: Emit, name: str) -> str | None:
        """Answer with an environment variable."""
        return os.environ.get(name)

    async def do_cwd(self, assignment: Assignment, emit: Emit, text: str) -> list[str]:
        """Answer with what the working folder holds."""
        return os.listdir()

    async def do_pid(self, assignment: Assignment, emit: Emit, text: str) -> int:
        """Answer with the process id."""
        return os.getpid()

    async def do_path(self, assignment: Assignment, emit: Emit, text: str) -> list[str]:
        """Answer with the import path."""
        return sys.path

    async def do_wait(self, assignment: Assignment, emit: Emit, file: str) -> str:
        """Say that the trial has begun, then wait until `file` exists or the trial is cancelled."""
        emit(Step(agent="solo", started_s=0.0, ended_s=0.0, name="waiting"))
        try:
            # A file is how the tests, in another process, say when to go on.
            while not _exists(file):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            _touch(f"{file}.cancelled")
            raise
        return "found"

    async def do_block(self, assignment: Assignment, emit: Emit, text: str) -> str:
        """Block the event loop, so that no cancellation is ever heard."""
        emit(Step(agent="solo", started_s=0.0, ended_s=0.0, name="waiting"))
        threading.Event().wait()
        return "never"

    async def do_ignore(self, assignment: Assignment, emit: Emit, text: str) -> str:
        """Refuse to be cancelled while the loop keeps turning."""
        emit(Step(agent="solo", started_s=0.0, ended_s=0.0, name="waiting"))
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue

    async def do_burn(self, assignment: Assignment, emit: Emit, seconds: str) -> float:
        """Use CPU, letting other trials run in between; answers with the process's total."""
        end = time.process_time() + float(seconds)
        while time.process_time() < end:
            sum(range(1000))
            await asyncio.sleep(0)
        return time.process_time()
