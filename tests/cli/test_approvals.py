"""Calls that wait, from outside: a run and the people who decide are processes of their own."""

import asyncio
import json
import os
import pty
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from agentdyno.cli.context import load_settings
from agentdyno.core.event import Approval
from agentdyno.core.trial import Trial
from agentdyno.runners import envs

RUNNER = "pydantic_ai"
SCENARIO = """\
name: mailing
title: A mail that somebody must allow
user: [Write to mira@example.org]
agents:
  solo: {role: solo, goal: Answer, instructions: Be brief., tools: [box.*]}
pattern: {type: single, agent: solo}
mcpServers:
  box: {bundled: mailbox}
approvals:
  risks: {box.send_mail: high}
  approver: queue
  timeout_s: 300
checks:
  - {id: told, type: contains, text: I was told}
script: script.yaml
"""
SCRIPT = """\
agents:
  solo:
    - when: "not called_now('send_mail')"
      call: {tool: send_mail, arguments: {to: mira@example.org, subject: Hello, body: On its way}}
    - when: "failed('send_mail')"
      say: "I was told: {{ error('send_mail') }}"
    - say: "I was told: {{ result('send_mail') }}"
"""


@pytest.fixture(scope="module", autouse=True)
def _environment() -> None:
    cache = load_settings().cache
    asyncio.run(envs.ensure(asyncio.run(envs.resolve(RUNNER, cache))))


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    (tmp_path / "script.yaml").write_text(SCRIPT)
    return tmp_path


class Shell:
    """`agentdyno` on a database of its own."""

    def __init__(self, database: str) -> None:
        self.environ = {
            **os.environ, "AGENTDYNO_DATABASE_URL": database, "NO_COLOR": "1", "COLUMNS": "240",
        }
        self.started: list[asyncio.subprocess.Process] = []

    async def start(self, *arguments: str, **how: Any) -> asyncio.subprocess.Process:
        how = {"stdin": DEVNULL, "stdout": PIPE, "stderr": PIPE} | how
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "agentdyno", *arguments, env=self.environ, cwd="/", **how
        )
        self.started.append(process)
        return process

    async def __call__(self, *arguments: str) -> tuple[int, str, str]:
        process = await self.start(*arguments)
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def run(self, scenario: Path, *more: str, **how: Any) -> asyncio.subprocess.Process:
        return await self.start(
            "run", str(scenario), "--runner", RUNNER, "--trials", "1", "--json", "-", *more, **how
        )

    async def waiting(self, run: asyncio.subprocess.Process) -> str:
        """Return the number under which the run says that it waits."""
        assert run.stderr is not None
        async with asyncio.timeout(120):
            while line := (await run.stderr.readline()).decode():
                if "agentdyno approvals show" in line:
                    return line.split()[-1]
        raise AssertionError("the run ended without waiting")

    async def trial(self, out: bytes) -> Trial:
        (found,) = json.loads(out)["trials"]
        _, text, _ = await self("show", found["id"], "--json")
        return Trial.model_validate_json(text)


@pytest.fixture
async def shell(database: str) -> AsyncIterator[Shell]:
    shell = Shell(database)
    yield shell
    for process in shell.started:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def approval(trial: Trial) -> Approval:
    (found,) = [event for event in trial.events if isinstance(event, Approval)]
    return found


async def test_a_call_waits_for_another_process_and_is_changed_there(
    shell: Shell, scenario: Path
) -> None:
    run = await shell.run(scenario)
    number = await shell.waiting(run)

    code, out, _ = await shell("approvals", "list")
    assert code == 0
    assert all(part in out for part in ("mailing", "box.send_mail", "high", "waiting, 4 min"))
    _, out, _ = await shell("approvals", "show", number)
    assert '"subject": "Hello"' in out
    assert f"agentdyno approvals approve {number}" in out

    code, _, err = await shell("approvals", "modify", number, '{"to": 7}')
    assert code == 4
    assert "arguments.to: 7 is not of type 'string'" in err

    code, out, _ = await shell(
        "approvals", "modify", number, '{"subject": "Hi"}', "--by", "mira", "--reason", "shorter"
    )
    assert (code, out) == (
        0, f"modified by mira: box.send_mail of solo in mailing on {RUNNER}@"
           f"{out.rpartition('@')[2]}")
    stdout, _ = await run.communicate()
    assert run.returncode == 0

    trial = await shell.trial(stdout)
    assert "Note: mira changed the arguments" in trial.answers[0]
    seen = approval(trial)
    assert (seen.decision, seen.decided_by, seen.reason) == ("modified", "mira", "shorter")
    assert seen.shown["subject"] == "Hello"
    assert seen.arguments is not None
    assert seen.arguments["subject"] == "Hi"
    assert trial.end_state["box"]["outbox"][0]["subject"] == "Hi"
    assert trial.waited_s > 0.5
    assert trial.key.approver == "queue"

    code, _, err = await shell("approvals", "reject", number, "--by", "noor")
    assert code == 4
    assert f"approval {number} is decided already: modified by mira" in err
    _, out, _ = await shell("approvals", "list")
    assert out.startswith("nothing waits for approval")
    _, out, _ = await shell("approvals", "list", "--all", "--json")
    assert json.loads(out)["decided_by"] == "mira"


async def test_an_approval_for_a_run_that_was_stopped_is_refused(
    shell: Shell, scenario: Path
) -> None:
    run = await shell.run(scenario)
    number = await shell.waiting(run)
    run.send_signal(signal.SIGINT)
    run.send_signal(signal.SIGTERM)
    await asyncio.wait_for(run.communicate(), 60)
    code, _, err = await shell("approvals", "approve", number)
    assert code == 4
    assert "its trial has ended" in err


async def test_the_option_takes_the_place_of_the_scenarios_approver(
    shell: Shell, scenario: Path
) -> None:
    out, _ = await (await shell.run(scenario, "--approver", "deny")).communicate()
    trial = await shell.trial(out)
    assert "Rejected by the approver" in trial.answers[0]
    assert approval(trial).approver == "deny"
    assert trial.end_state["box"]["outbox"] == []


async def test_the_terminal_is_asked_and_typing_nonsense_decides_nothing(
    shell: Shell, scenario: Path
) -> None:
    ours, theirs = pty.openpty()
    try:
        run = await shell.run(scenario, "--approver", "cli", stdin=theirs, stderr=theirs)
        screen = Screen(ours)
        await screen.until("[c]hange {JSON}:")
        assert "solo wants box.send_mail (high risk)" in screen.text
        assert '"subject": "Hello"' in screen.text
        await screen.type("perhaps\n", then="y approves")
        await screen.type("c {not json\n", then="this is no JSON")
        await screen.type('c {"subject": "Hi"}\n')
        out, _ = await asyncio.wait_for(run.communicate(), 60)
    finally:
        os.close(theirs)
        os.close(ours)
    trial = await shell.trial(out)
    assert approval(trial).decision == "modified"
    assert approval(trial).approver == "cli"
    assert approval(trial).decided_by
    assert trial.end_state["box"]["outbox"][0]["subject"] == "Hi"


class Screen:
    """Reads what a process prints on its terminal."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.text = ""

    async def until(self, words: str) -> None:
        """Read until `words` stand after what was read before."""
        seen, loop = "", asyncio.get_running_loop()
        async with asyncio.timeout(120):
            while words not in seen:
                data = await loop.run_in_executor(None, os.read, self._fd, 4096)
                seen += data.decode(errors="replace")
        self.text += seen

    async def type(self, line: str, then: str = "") -> None:
        """Type `line`, and wait for words and the next question."""
        os.write(self._fd, line.encode())
        if then:
            await self.until(then)
            if "[c]hange {JSON}:" not in self.text.rpartition(then)[2]:
                await self.until("[c]hange {JSON}:")


@pytest.mark.parametrize(
    ("more", "words"),
    [(("--approver", "cli"), "the approver cli needs a terminal to ask on, and stdin is none"),
     (("--ask",), "--ask needs a terminal to ask on, and stdin is none")],
)
async def test_without_a_terminal_nobody_can_be_asked_there(
    shell: Shell, scenario: Path, more: tuple[str, ...], words: str
) -> None:
    run = await shell.run(scenario, *more)
    out, err = await run.communicate()
    assert (run.returncode, out) == (4, b"")
    assert words in err.decode()


async def test_an_approver_for_nothing_is_refused(shell: Shell, scenario: Path) -> None:
    text = SCENARIO.replace("approvals:\n", "").replace("  risks: {box.send_mail: high}\n", "")
    text = text.replace("  approver: queue\n  timeout_s: 300\n", "")
    (scenario / "scenario.yaml").write_text(text)
    run = await shell.run(scenario, "--approver", "queue")
    _, err = await run.communicate()
    assert run.returncode == 4
    assert "no scenario of this run has `approvals`" in err.decode()


async def test_an_unknown_number_and_no_json_are_refused(shell: Shell) -> None:
    code, _, err = await shell("approvals", "approve", "17")
    assert code == 4
    assert "there is no approval 17" in err
    code, out, _ = await shell("approvals", "list", "--all")
    assert code == 0
    assert "nothing was ever asked" in out
