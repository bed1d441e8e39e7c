"""A user's own program as a runner: what is refused, what it is given, and how it may end."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from agentdyno.core.errors import EnvironmentFault, InputError, UsageError
from agentdyno.core.pattern import Single
from agentdyno.core.spec import AgentSpec, Limits
from agentdyno.core.trial import Assignment, Endpoint, WorkerReport
from agentdyno.core.waiting import WaitingClock
from agentdyno.runners.command import CommandHost
from agentdyno.runners.own import OwnRef, resolve_own

TOKEN = "s3cret-token"


def program(folder: Path, code: str, **keys: object) -> OwnRef:
    """Write a Python program beside its definition and return it resolved."""
    (folder / "app.py").write_text(code)
    spec = {"name": "app", "runner": "command", "command": [sys.executable, "app.py"], **keys}
    file = folder / "app.yaml"
    file.write_text(json.dumps({k: v for k, v in spec.items() if v is not None}))
    return resolve_own(str(file))


async def run(ref: OwnRef, *turns: str, timeout_s: float = 20.0) -> WorkerReport:
    """Run one trial of the program."""
    host = CommandHost(ref, 2)
    try:
        return await host.run(Assignment(
            trial_id="t1", pattern=Single(agent="solo"), token=TOKEN,
            agents=(AgentSpec(name="solo", role="r", goal="g", instructions="Be brief."),),
            user_turns=turns or ("Hello?",), limits=Limits(timeout_s=timeout_s),
            endpoints={"solo": Endpoint(
                model_base_url="http://127.0.0.1:1/t/t1/solo/v1",
                mcp_url="http://127.0.0.1:1/mcp/t1/solo",
            )},
        ), lambda event: None)
    finally:
        await host.close()


async def test_the_program_is_told_addresses_task_and_team(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SETTING", "yes")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-real")
    report = await run(program(
        tmp_path, "import json, os, sys\n"
        "print(json.dumps({'env': dict(os.environ), 'stdin': sys.stdin.read()}))",
        env={"COPIED": "${env:MY_SETTING}!"},
    ))
    assert report.answer
    told = json.loads(report.answer.texts[0])
    env = told["env"]
    assert env["OPENAI_BASE_URL"].endswith("/t/t1/solo/v1")
    assert env["AGENTDYNO_MCP_URL"].endswith("/mcp/t1/solo")
    assert (env["OPENAI_API_KEY"], env["COPIED"]) == (TOKEN, "yes!")
    assert told["stdin"] == env["AGENTDYNO_TASK"] == "Hello?"
    assert json.loads(env["AGENTDYNO_AGENTS"])["solo"]["instructions"] == "Be brief."
    assert "ANTHROPIC_API_KEY" not in env
    assert env["DO_NOT_TRACK"] == "1"
    assert report.cpu_s > 0


async def test_each_user_turn_is_a_process_that_is_told_those_before_it(tmp_path: Path) -> None:
    report = await run(program(
        tmp_path, "import json, os\nprint(len(json.loads(os.environ['AGENTDYNO_HISTORY'])),"
        " os.environ['AGENTDYNO_TASK'])",
    ), "one", "two")
    assert report.answer
    assert report.answer.texts == ("0 one", "2 two")


async def test_an_answer_may_be_left_in_a_file(tmp_path: Path) -> None:
    report = await run(program(
        tmp_path, "import os\nprint('noise')\nopen(os.environ['AGENTDYNO_ANSWER_FILE'], 'w')"
        ".write('from the file')", answer="file",
    ))
    assert report.answer
    assert report.answer.texts == ("from the file",)


async def test_no_answer_file_is_the_programs_fault(tmp_path: Path) -> None:
    report = await run(program(tmp_path, "print('noise')", answer="file"))
    assert (report.ended, report.error_type) == ("raised", "ProgramFailed")
    assert "left no answer" in (report.error or "")


async def test_a_function_is_called_with_the_task_and_may_ask_for_the_trial(tmp_path: Path) -> None:
    code = (
        "async def answer(task, trial):\n"
        "    print('noise')\n"
        "    return f'{task} {trial.model} {trial.agents[\"solo\"][\"role\"]}'\n"
    )
    report = await run(program(
        tmp_path, code, runner="python", target="app:answer", command=None
    ))
    assert report.answer
    assert report.answer.texts == ("Hello? default r",)


async def test_a_program_that_fails_is_quoted_without_the_token(tmp_path: Path) -> None:
    report = await run(program(
        tmp_path, "import os, sys\nsys.exit('no luck with ' + os.environ['OPENAI_API_KEY'])",
    ))
    assert report.ended == "raised"
    assert "exited with code 1" in (report.error or "")
    assert "no luck with <token>" in (report.error or "")
    assert TOKEN not in (report.error or "")


async def test_a_program_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = asyncio.create_task(asyncio.to_thread(pipe.read_text))
    report = await run(program(
        tmp_path, "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
        f" stdout=open({str(pipe)!r}, 'w'))\ntime.sleep(600)",
    ), timeout_s=2.0)
    assert report.ended == "timeout"
    # Ends when nobody holds the pipe any more: the child is dead too.
    assert await reader == ""


async def test_a_cancelled_trial_leaves_no_process(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    task = asyncio.create_task(run(program(
        tmp_path, f"import os, time\nwith open({str(pipe)!r}, 'w') as f: f.write(str(os.getpid()))"
        "\ntime.sleep(600)",
    )))
    pid = int(await asyncio.to_thread(pipe.read_text))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_version_follows_the_sources(tmp_path: Path) -> None:
    first = program(tmp_path, "print(1)")
    assert program(tmp_path, "print(1)").version == first.version
    assert program(tmp_path, "print(2)").version != first.version
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "x").write_text("x")
    assert program(tmp_path, "print(1)").version == first.version


def test_short_forms_need_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_app.py").write_text("def answer(task): return task")
    assert resolve_own("python:my_app:answer").name == "my_app"
    assert resolve_own(f"command:{sys.executable} my_app.py").name == "my_app"


@pytest.mark.parametrize(("keys", "words"), [
    ({"runner": "command"}, "needs `command`"),
    ({"runner": "python", "target": "my_app"}, "should match pattern|String"),
    ({"runner": "python", "target": "a:b", "answer": "file"}, "what the function returns"),
    ({"runner": "commando", "command": ["x"]}, "command"),
])
def test_a_definition_that_makes_no_sense_is_refused(
    tmp_path: Path, keys: dict[str, object], words: str
) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(json.dumps({"name": "app", **keys}))
    with pytest.raises(InputError, match=words):
        resolve_own(str(file))


def test_a_program_or_file_that_is_not_there_is_refused_before_anything_runs(
    tmp_path: Path
) -> None:
    with pytest.raises(EnvironmentFault, match="no-such-program"):
        resolve_own("command:no-such-program --now")
    with pytest.raises(UsageError, match="there is no file"):
        resolve_own(str(tmp_path / "none.yaml"))
    with pytest.raises(UsageError, match="names no function"):
        resolve_own("python:my_app")


async def test_waiting_for_an_approval_is_not_held_against_the_program(tmp_path: Path) -> None:
    clock = WaitingClock()
    host = CommandHost(program(tmp_path, "import time\ntime.sleep(1.2)\nprint('done')"), 1)
    with clock.waiting():
        report = await host.run(Assignment(
            trial_id="t1", pattern=Single(agent="solo"), token=TOKEN, user_turns=("x",),
            agents=(AgentSpec(name="solo", role="r", goal="g", instructions="i"),),
            limits=Limits(timeout_s=0.5),
            endpoints={"solo": Endpoint(model_base_url="http://127.0.0.1:1/v1")},
        ), lambda event: None, clock=clock)
    await host.close()
    assert report.ended == "returned"
