"""`agentdyno run` from outside: a real runner, a real database, real signals."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import Any

import pytest

from agentdyno.cli.context import load_settings
from agentdyno.runners import envs
from agentdyno.store.database import open_pool
from agentdyno.store.trials import TrialStore

RUNNER = "pydantic_ai"
SLOW = """\
agents:
  solo:
    - when: turn == 1
      say: Hello.
    - say: "{{ 'word ' * 400 }}"
latency: {first_token_s: 0.05, tokens_per_s: 2000}
"""
SCENARIO = """\
name: slow
title: An answer that takes a while
user: [Hello, Go on]
agents:
  solo: {role: solo, goal: Answer, instructions: Be brief.}
pattern: {type: single, agent: solo}
checks:
  - {id: says, type: contains, text: word}
script: script.yaml
"""


@pytest.fixture(scope="module", autouse=True)
def _environment() -> None:
    cache = load_settings().cache
    asyncio.run(envs.ensure(asyncio.run(envs.resolve(RUNNER, cache))))


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    (tmp_path / "script.yaml").write_text(SLOW)
    return tmp_path


class Command:
    """One `agentdyno` process on a database of its own."""

    def __init__(self, database: str) -> None:
        self.environ = {**os.environ, "AGENTDYNO_DATABASE_URL": database, "NO_COLOR": "1"}

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "agentdyno", *arguments, env=self.environ, cwd="/",
            stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
        )

    async def __call__(self, *arguments: str) -> tuple[int, str, str]:
        process = await self.start(*arguments)
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def run(self, scenario: Path | str, *arguments: str) -> tuple[int, dict[str, Any], str]:
        code, out, err = await self(
            "run", str(scenario), "--runner", RUNNER, "--json", "-", *arguments
        )
        return code, json.loads(out) if out else {}, err


@pytest.fixture
def command(database: str) -> Command:
    return Command(database)


async def test_a_run_ends_with_a_table_and_a_rerun_only_reads_it(command: Command) -> None:
    code, out, err = await command(
        "run", "docs_question", "--runner", RUNNER, "--trials", "1"
    )
    assert code == 0, err
    assert "1/1 [0.21, 1.00]" in out
    assert "agentdyno show " in err
    code, again, err = await command("run", "docs_question", "--runner", RUNNER, "--trials", "1")
    assert (code, again) == (0, out)
    assert "stored already: 1 of 1" in err


async def test_more_trials_run_only_what_is_missing_and_fresh_runs_all(
    command: Command, scenario: Path
) -> None:
    assert (await command.run(scenario, "--trials", "1"))[1]["reused"] == 0
    _, report, _ = await command.run(scenario, "--trials", "3")
    assert (report["reused"], len(report["trials"])) == (1, 3)
    _, report, _ = await command.run(scenario, "--trials", "2", "--fresh")
    assert (report["reused"], len(report["trials"])) == (0, 2)


async def test_json_on_stdout_is_alone_there_and_counts_the_wire(
    command: Command, scenario: Path
) -> None:
    code, report, _ = await command.run(scenario, "--trials", "2")
    assert code == 0
    (row,) = report["rows"]
    assert (row["model_calls"], row["tool_calls"], row["extra_calls"]) == (2, 0, 0)
    assert row["passed"]["n"] == 2
    (trial, _) = report["trials"]
    assert trial["usage_reported"]["prompt_tokens"] == row["prompt_tokens"]


async def test_every_variant_is_a_row_of_its_own_and_its_trials_are_others(
    command: Command, scenario: Path
) -> None:
    with (scenario / "scenario.yaml").open("a") as file:
        file.write("variants: {terse: {agents: {solo: {append: Say little.}}}}\n")
    _, report, _ = await command.run(scenario, "--trials", "1")
    assert [row["condition"]["variant"] for row in report["rows"]] == ["baseline"]
    code, report, err = await command.run(scenario, "--trials", "1", "--variant", "all")
    assert (code, report["reused"]) == (0, 1)
    assert [row["condition"]["variant"] for row in report["rows"]] == ["baseline", "terse"]
    assert "slow × pydantic_ai in variant terse, repeat 0" in err
    baseline, terse = report["trials"]
    assert baseline["id"] != terse["id"]
    assert terse["prompts"][0]["sha256"] != baseline["prompts"][0]["sha256"]
    code, _, err = await command("run", str(scenario), "--variant", "ters")
    assert (code, "no variant 'ters'" in err, "terse" in err) == (4, True, True)


async def test_a_failed_check_ends_with_1(command: Command, scenario: Path) -> None:
    text = (scenario / "scenario.yaml").read_text()
    (scenario / "scenario.yaml").write_text(text.replace("text: word", "text: nowhere"))
    code, report, err = await command.run(scenario, "--trials", "1")
    assert code == 1
    assert "failed slow × pydantic_ai, repeat 0: says" in err
    assert report["rows"][0]["passed"]["value"] == 0


async def test_a_state_that_no_rule_covers_is_a_harness_fault_that_names_the_agent(
    command: Command, scenario: Path
) -> None:
    (scenario / "script.yaml").write_text(
        "agents:\n  solo:\n    - when: turn == 1\n      say: Hello.\n"
    )
    code, report, _ = await command.run(scenario, "--trials", "1")
    assert code == 3
    (trial,) = report["trials"]
    assert trial["outcome"] == "harness_fault"
    assert "solo" in trial["reason"]
    assert "Go on" in trial["reason"]
    assert report["rows"][0]["passed"] is None
    code, report, _ = await command.run(scenario, "--trials", "1")
    assert report["reused"] == 0, "a harness fault is run again"


async def test_a_version_that_cannot_be_had_is_reported_and_the_others_run(
    command: Command, scenario: Path
) -> None:
    command.environ["UV_OFFLINE"] = "1"
    code, report, err = await command.run(
        scenario, "--trials", "1", "--runner", f"{RUNNER}@0.0.999"
    )
    assert code == 0
    assert len(report["trials"]) == 1
    assert list(report["skipped"]) == [f"{RUNNER}@0.0.999"]
    assert "next:" in err
    code, _, _ = await command.run(
        scenario, "--trials", "1", "--runner", f"{RUNNER}@0.0.999", "--fail-on-error"
    )
    assert code == 3


async def _first_trial(process: asyncio.subprocess.Process) -> None:
    assert process.stderr
    async for line in process.stderr:
        if line.startswith(b"passed 1/"):
            return
    raise AssertionError("the run ended before its first trial")


@pytest.mark.parametrize("presses", [1, 2])
async def test_ctrl_c_keeps_what_is_stored_and_the_next_run_goes_on(
    command: Command, scenario: Path, presses: int
) -> None:
    arguments = ("run", str(scenario), "--runner", RUNNER, "--trials", "12", "-c", "1")
    process = await command.start(*arguments)
    await _first_trial(process)
    for _ in range(presses):
        process.send_signal(signal.SIGINT)
    await process.communicate()
    assert process.returncode == 2
    code, report, _ = await command.run(scenario, "--trials", "12")
    assert code == 0
    assert 1 <= report["reused"] < 12
    assert len(report["trials"]) == 12


async def test_a_killed_worker_is_replaced_and_its_trial_told_apart(
    command: Command, scenario: Path
) -> None:
    process = await command.start(
        "run", str(scenario), "--runner", RUNNER, "--trials", "4", "-c", "1", "--json", "-"
    )
    await _first_trial(process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    worker = next(
        int(pid) for pid in children if "_boot.py" in Path(f"/proc/{pid}/cmdline").read_text()
    )
    os.kill(worker, signal.SIGKILL)
    out, _ = await process.communicate()
    outcomes = sorted(trial["outcome"] for trial in json.loads(out)["trials"])
    assert outcomes == ["agent_fault", "completed", "completed", "completed"]
    assert process.returncode == 1


async def test_two_runs_at_once_on_one_database_both_end_well(
    command: Command, scenario: Path
) -> None:
    first, second = await asyncio.gather(
        command.run(scenario, "--trials", "3"), command.run(scenario, "--trials", "3")
    )
    assert (first[0], second[0]) == (0, 0)
    assert len(first[1]["trials"]) == len(second[1]["trials"]) == 3


async def test_show_list_and_log_read_what_a_run_stored(
    command: Command, scenario: Path, database: str
) -> None:
    code, _, err = await command.run(scenario, "--trials", "1")
    assert code == 0, err
    pool = await open_pool(database)
    (row,) = await TrialStore(pool).list()
    await pool.close()
    code, tree, _ = await command("show", row.id[:8])
    assert code == 0
    assert "slow × pydantic_ai" in tree
    assert "pass        says" in tree
    code, listed, _ = await command("list")
    assert row.id[:10] in listed
    code, dumped, _ = await command("log", "dump", row.id[:8])
    exchanges = [json.loads(line) for line in dumped.splitlines()]
    assert [one["channel"] for one in exchanges] == ["model", "model"]
    assert json.loads(exchanges[0]["request"])["messages"][-1]["content"] == "Hello"
    code, _, err = await command("show", "zzzz")
    assert code == 4
    assert row.id[:8] in err
