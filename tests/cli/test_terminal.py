"""Questions on a real terminal: one at a time, taken back when nobody needs the answer."""

import asyncio
import io
import os
import pty
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from agentdyno.cli.approver import TerminalApprover
from agentdyno.cli.progress import RunView
from agentdyno.cli.terminal import Terminal
from agentdyno.core.approval import ApprovalRequest
from agentdyno.core.errors import UsageError


def request(tool: str, **changes: Any) -> ApprovalRequest:
    fields: dict[str, Any] = {
        "trial_id": "t", "scenario": "s", "runner": "r@1", "agent": "a", "ordinal": 0,
        "server": "box", "tool": tool, "description": "Sends\n\x1b[2Ja mail.",
        "arguments": {"n": 1, "text": "one\ntwo\x9b"}, "risk": "high", "timeout_s": 60.0,
        "input_schema": {"type": "object", "properties": {"n": {"type": "integer"}}},
    }
    return ApprovalRequest(**(fields | changes))


class Desk:
    """The user's side of a terminal, and a run's view on it."""

    def __init__(self, ours: int, theirs: int) -> None:
        self._ours = ours
        os.set_blocking(ours, False)
        out = os.fdopen(os.dup(theirs), "w")
        self.view = RunView(Console(file=out, force_terminal=True, width=100, color_system=None))
        self.out = out
        self.seen = ""
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(ours, self._read)

    def _read(self) -> None:
        self.seen += os.read(self._ours, 65536).decode(errors="replace")
        self._more.set()

    async def asked(self, words: str = "[c]hange {JSON}:", times: int = 1) -> None:
        """Wait until `words` stand on the screen so often."""
        async with asyncio.timeout(30):
            while self.seen.count(words) < times:
                self._more.clear()
                await self._more.wait()

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._ours)
        self.out.close()


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> Any:
    ours, theirs = pty.openpty()
    with os.fdopen(os.dup(theirs), "r") as stdin, os.fdopen(os.dup(theirs), "w") as stderr:
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(sys, "stderr", stderr)
        desk = Desk(ours, theirs)
        yield desk
        desk.close()
    os.close(ours)
    os.close(theirs)


@pytest.fixture
def approver(desk: Desk) -> Iterator[TerminalApprover]:
    with desk.view:
        yield TerminalApprover(Terminal(desk.view, "--approver cli"))


async def test_calls_of_trials_side_by_side_are_asked_one_after_the_other(
    desk: Desk, approver: TerminalApprover
) -> None:
    first = asyncio.create_task(approver.decide(request("first")))
    second = asyncio.create_task(approver.decide(request("second")))
    await desk.asked()
    assert "box.second" not in desk.seen
    desk.type("n not today\n")
    assert (await first).reason == "not today"
    await desk.asked("box.second")
    await desk.asked(times=2)
    desk.type("y\n")
    assert (await second).decision == "approved"


async def test_what_a_model_wrote_cannot_steer_the_terminal(
    desk: Desk, approver: TerminalApprover
) -> None:
    call = asyncio.create_task(approver.decide(request("send")))
    await desk.asked()
    shown = desk.seen.partition("wants box.send")[2]
    assert "one\\ntwo" in shown
    assert "\x1b[2J" not in shown
    assert "\x9b" not in shown
    desk.type("y\n")
    await call


async def test_a_question_whose_trial_ends_is_taken_back_and_eats_no_answer(
    desk: Desk, approver: TerminalApprover
) -> None:
    gone = asyncio.create_task(approver.decide(request("gone")))
    await desk.asked()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    call = asyncio.create_task(approver.decide(request("here")))
    await desk.asked(times=2)
    desk.type("y\n")
    assert (await call).decision == "approved"


async def test_nobody_in_time_is_the_policys_to_decide(
    desk: Desk, approver: TerminalApprover
) -> None:
    decision = await approver.decide(request("slow", timeout_s=0.05))
    assert (decision.decision, decision.decided_by) == ("timed_out", "policy")


async def test_the_end_of_the_input_rejects(desk: Desk, approver: TerminalApprover) -> None:
    call = asyncio.create_task(approver.decide(request("send")))
    await desk.asked()
    desk.type("\x04")
    decision = await call
    assert (decision.decision, decision.reason) == (
        "rejected", "the terminal's input has ended")


async def test_while_somebody_is_asked_notes_are_shown_and_other_lines_wait(
    desk: Desk, approver: TerminalApprover
) -> None:
    call = asyncio.create_task(approver.decide(request("send")))
    await desk.asked()
    desk.view.note("Ctrl-C again stops at once")
    desk.view._console.print("passed 1/2")
    await desk.asked("Ctrl-C again")
    assert "passed" not in desk.seen
    desk.type("y\n")
    await call
    await desk.asked("passed 1/2")


def test_without_a_terminal_the_question_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(UsageError, match="--ask needs a terminal to ask on, and stdin is none"):
        Terminal(RunView(Console(file=io.StringIO())), "--ask")
