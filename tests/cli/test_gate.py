"""`agentdyno gate`, `bless` and `calibrate` from outside, and agentdyno's own suite."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import Any

import pytest

from agentdyno.cli.context import load_settings
from agentdyno.runners import envs
from agentdyno.runners.registry import RUNNERS

SUITE = Path(__file__).resolve().parents[1] / "suite"
RUNNER = "pydantic_ai"


@pytest.fixture(scope="module", autouse=True)
def _environments() -> None:
    async def ensure() -> None:
        cache = load_settings().cache
        for name in RUNNERS:
            await envs.ensure(await envs.resolve(name, cache))

    asyncio.run(ensure())


class Command:
    """One `agentdyno` process on a database of its own."""

    def __init__(self, database: str) -> None:
        self.environ = {**os.environ, "AGENTDYNO_DATABASE_URL": database, "NO_COLOR": "1"}
        self.environ.pop("GITHUB_ACTIONS", None)

    async def __call__(self, *arguments: str | Path, **environ: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "agentdyno", *map(str, arguments),
            env=self.environ | environ, cwd="/", stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def gate(self, suite: Path, *arguments: str | Path) -> tuple[int, dict[str, Any], str]:
        code, out, err = await self("gate", suite, "--json", "-", *arguments)
        return code, json.loads(out) if out else {}, err


@pytest.fixture
def command(module_database: str) -> Command:
    return Command(module_database)


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A copy of our own suite, for one runner."""
    shutil.copytree(SUITE, tmp_path / "suite")
    path = tmp_path / "suite" / "own.yaml"
    edit(path, f"runners: [{', '.join(RUNNERS)}]", f"runners: [{RUNNER}]")
    return path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


async def test_agentdynos_own_suite_holds_on_every_runner(
    command: Command, tmp_path: Path
) -> None:
    code, out, err = await command(
        "gate", SUITE / "own.yaml", "--junit", tmp_path / "junit.xml",
    )
    assert code == 0, out + err
    assert "gate own: PASS" in out
    (told,) = ET.parse(tmp_path / "junit.xml").getroot()
    assert (told.get("failures"), told.get("errors"), told.get("skipped")) == ("0", "0", "0")
    assert {case.get("classname") for case in told} == {
        *(f"gate.{name}" for name in RUNNERS), "wire"}


async def test_a_prompt_that_changed_fails_the_gate_and_is_located(
    command: Command, suite: Path, tmp_path: Path
) -> None:
    scenario = suite.parent / "scenarios" / "two_sums" / "scenario.yaml"
    edit(scenario, "Compute with the tool", "Always compute with the tool")
    code, report, _ = await command.gate(suite, "--markdown", tmp_path / "comment.md")
    assert (code, report["verdict"], report["exit_code"]) == (1, "regression", 1)
    (drift,) = report["drifts"]
    assert (drift["situation"], drift["agent"], drift["what"], drift["field"]) == (
        "two_sums", "clerk", "call 1", "messages.1.content")
    assert "+ " in drift["told"]
    assert "Always compute with the tool" in drift["told"]
    assert "asks otherwise in two_sums, call 1 of clerk" in (tmp_path / "comment.md").read_text()


async def test_a_check_that_turns_red_is_a_regression_without_any_drift(
    command: Command, suite: Path
) -> None:
    scenario = suite.parent / "scenarios" / "two_sums" / "scenario.yaml"
    edit(scenario, "expected: 2254178", "expected: 2254179")
    code, report, _ = await command.gate(suite)
    assert (code, report["drifts"]) == (1, [])
    assert [line["metric"] for line in report["lines"] if line["verdict"] == "regression"] == [
        "passed", "check:numeric"]
    (flip,) = report["flips"]
    assert flip["failed"] == ["two_crates"]


async def test_a_cassette_that_cannot_be_read_is_the_benchs_fault(
    command: Command, suite: Path
) -> None:
    cassette = suite.parent / "cassettes" / "two_sums" / RUNNER / "baseline-0.yaml"
    edit(cassette, "clerk", "clark")
    code, out, err = await command("gate", suite)
    assert code == 3, out + err


async def test_recording_and_blessing_make_a_changed_suite_pass_and_the_same_file_each_time(
    command: Command, suite: Path
) -> None:
    scenario = suite.parent / "scenarios" / "two_sums" / "scenario.yaml"
    edit(scenario, "Compute with the tool", "Always compute with the tool")
    code, out, err = await command("bless", suite, "--record")
    assert code == 0, err
    assert "2 trials recorded" in out
    blessed = (suite.parent / "own.baseline.json").read_bytes()
    assert (await command("bless", suite))[0] == 0
    assert (suite.parent / "own.baseline.json").read_bytes() == blessed
    code, report, _ = await command.gate(suite)
    assert (code, report["verdict"]) == (0, "pass")


async def test_a_pull_request_is_held_against_the_baseline_of_its_base_branch(
    command: Command, suite: Path
) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-C", suite.parent, "-c", "user.name=t", "-c", "user.email=t@localhost",
             *arguments], check=True, capture_output=True,
        )

    git("init", "-b", "base")
    git("add", ".")
    git("commit", "-m", "blessed")
    scenario = suite.parent / "scenarios" / "two_sums" / "scenario.yaml"
    edit(scenario, "expected: 2254178", "expected: 2254179")
    assert (await command("bless", suite))[0] == 0
    code, report, _ = await command.gate(suite, "--baseline-from", "base")
    assert (code, report["verdict"]) == (1, "regression")
    code, _, err = await command.gate(suite, "--baseline-from", "nowhere")
    assert code == 4
    assert "git has no" in err
    assert "at nowhere" in err


async def test_what_cannot_be_gated_is_refused_before_anything_runs(
    command: Command, suite: Path
) -> None:
    code, _, err = await command("gate", suite, "--baseline", suite.parent / "none.json")
    assert (code, "agentdyno bless" in err) == (4, True)
    code, _, err = await command("gate", suite, "--runner", "crewai")
    assert (code, "suite 'own' has no runner 'crewai'" in err) == (4, True)
    edit(suite, "name: own", "name: other")
    code, _, err = await command("gate", suite, "--baseline", suite.parent / "own.baseline.json")
    assert (code, "the baseline is of suite 'own', and this is 'other'" in err) == (4, True)


async def test_failures_are_not_blessed_unless_that_is_meant(
    command: Command, suite: Path
) -> None:
    for name, old in (("two_sums", "expected: 2254178"), ("written_and_checked", '"7 to 16"')):
        edit(suite.parent / "scenarios" / name / "scenario.yaml", old,
             old.replace("2254178", "1").replace("7 to 16", "8 to 17"))
    code, _, err = await command("bless", suite)
    assert (code, "none of 2 trials passes" in err) == (4, True)
    assert (await command("bless", suite, "--force"))[0] == 0


async def test_github_gets_annotations_and_a_step_summary(
    command: Command, suite: Path, tmp_path: Path
) -> None:
    scenario = suite.parent / "scenarios" / "two_sums" / "scenario.yaml"
    edit(scenario, "expected: 2254178", "expected: 2254179")
    summary = tmp_path / "summary.md"
    code, out, _ = await command(
        "gate", suite, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    assert code == 1
    assert f"::error title={RUNNER} passed::" in out
    assert "two_sums on" in summary.read_text()


async def test_calibrate_says_that_nothing_scatters_and_what_a_drop_would_need(
    command: Command, suite: Path
) -> None:
    code, out, err = await command("calibrate", suite, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert (told["scatters"], told["false_alarms"]) == (False, None)
    assert {size["trials"] for size in told["advised"]} >= {1, 5, 20}


async def test_calibrate_draws_pairs_from_trials_that_scatter(
    command: Command, suite: Path
) -> None:
    path = suite.parent / "own.baseline.json"
    blessed = json.loads(path.read_text())
    for cell in blessed["cells"]:
        (trial,) = cell["trials"]
        failed = {**trial, "id": f"{trial['id']}f", "repeat": 1,
                  "values": {**trial["values"], "passed": 0.0}}
        cell["trials"] = [trial, trial, failed]
    path.write_text(json.dumps(blessed))
    code, out, err = await command("calibrate", suite, "--rounds", "20")
    assert code == 0, err
    assert "false alarms without any change:" in out
    assert "of 20 pairs, seed 0" in out
