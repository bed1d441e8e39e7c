"""`agentdyno experiment` from outside: the bundled demo on real runners, and what is refused."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import Any

import pytest

from agentdyno.cli.context import load_settings
from agentdyno.runners import envs
from agentdyno.runners.registry import RUNNERS
from agentdyno.store.database import open_pool
from agentdyno.store.experiments import ExperimentStore
from agentdyno.store.trials import TrialStore

DEMO = "safe_experimentation"
OWN = """\
name: own
hypothesis: Who looks it up is right.
scenarios: [parcel_claims]
runners: [pydantic_ai]
variants:
  look:
    agents:
      clerk: {append: "Search the rules before you answer."}
metric: check:right_figure
size: {trials: 12}
stopping: {rule: sequential, trials_per_look: 2}
"""


@pytest.fixture(scope="module", autouse=True)
def _environments() -> None:
    async def ensure() -> None:
        cache = load_settings().cache
        for name in RUNNERS:
            await envs.ensure(await envs.resolve(name, cache))

    asyncio.run(ensure())


class Command:
    """`agentdyno experiment` on a database of its own."""

    def __init__(self, database: str) -> None:
        self.environ = {
            **os.environ, "AGENTDYNO_DATABASE_URL": database, "NO_COLOR": "1",
            "AGENTDYNO_MLFLOW": "off",
        }

    async def __call__(self, *arguments: str | Path) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "agentdyno", "experiment", *map(str, arguments),
            env=self.environ, cwd="/", stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def run(self, what: str | Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
        code, out, err = await self("run", what, "--json", "-", *arguments)
        return code, json.loads(out) if out else {}, err


@pytest.fixture
def command(database: str) -> Command:
    return Command(database)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    return path


def typed(path: Path) -> str:
    """Return a path as commands that run in / show it."""
    return str(path.relative_to("/"))


async def test_the_demo_tells_a_better_variant_from_an_equal_one_and_one_that_breaks_a_guard(
    command: Command, tmp_path: Path
) -> None:
    code, found, err = await command.run(DEMO)
    assert code == 0, err
    assert found["state"] == "decided"
    assert found["rounds"] < found["planned_rounds"]
    a, b, c = found["verdicts"]
    assert (a["verdict"], a["guards_hold"]) == ("better", True)
    assert (b["verdict"], b["guards_hold"]) == ("equal", True)
    assert (c["verdict"], c["guards_hold"]) == ("better", False)
    assert [one["metric"] for one in c["guards"] if one["word"] == "broken"] == [
        "check:promises_nothing"]
    assert a["primary"]["low"] > 0
    assert a["primary"]["p"] < 0.05
    # c is given up as soon as it is told, while the others go on.
    assert c["trials"] < a["trials"] == b["trials"]

    code, again, err = await command.run(DEMO)
    assert (code, again, err) == (0, found, "")

    code, out, _ = await command("report", DEMO)
    assert code == 0
    assert "+Search the rules before you answer, read the page that you find, and name it." in out
    assert "better, breaks a guard" in out
    assert f"next: agentdyno experiment approve {DEMO} a" in out
    page = tmp_path / "report.md"
    code, out, _ = await command("report", DEMO, "--markdown", page)
    assert code == 0
    text = page.read_text()
    assert "| ✅ | a |" in text
    assert "- a is better than baseline in check:right_figure: +" in text
    assert "; it breaks check:promises_nothing" in text
    code, out, _ = await command("list")
    assert DEMO in out


async def test_an_experiment_goes_on_where_it_stopped_and_looks_are_kept(
    command: Command, own: Path
) -> None:
    code, first, err = await command.run(own, "--looks", "1")
    assert (code, first["state"], first["rounds"]) == (0, "running", 2), err
    assert first["verdicts"][0]["verdict"] == "running"
    code, out, _ = await command("status", own)
    assert code == 0
    assert "own, version 1: running, 2 of at most 12 repeats, 1 look" in out
    assert f"next: agentdyno experiment run {typed(own)}" in out
    code, second, err = await command.run(own)
    assert (code, second["state"]) == (0, "decided"), err
    assert second["matrices"][0] == first["matrices"][0]
    assert len(second["matrices"]) > 1
    assert second["verdicts"][0]["verdict"] == "better"


async def test_a_definition_that_changed_after_its_start_is_refused_until_a_new_one_is_asked_for(
    command: Command, own: Path
) -> None:
    assert (await command.run(own, "--looks", "1"))[0] == 0
    own.write_text(OWN.replace("Search the rules", "Always search the rules"))
    code, _, err = await command.run(own)
    assert code == 4
    assert "is not what it was when version 1 began: `variants` changed in its file" in err
    assert f"agentdyno experiment run {typed(own)} --new-version" in err
    code, found, err = await command.run(own, "--looks", "1", "--new-version")
    assert (code, found["version"]) == (0, 2), err
    assert "give the experiment another `seed` for fresh ones" in err
    code, out, _ = await command("status", own, "--version", "1", "--json")
    assert (code, json.loads(out)["version"]) == (0, 1)


async def test_every_runner_hands_the_variants_prompt_to_its_model(
    command: Command, own: Path, database: str
) -> None:
    own.write_text(
        OWN.replace("[parcel_claims]", "['parcel_claims:lost']")
        .replace("runners: [pydantic_ai]\n", "")
        .replace("{trials: 12}", "{trials: 1}").replace("trials_per_look: 2", "trials_per_look: 1")
    )
    code, found, err = await command.run(own)
    assert (code, found["state"]) == (6, "ended"), err
    assert len(found["runners"]) == len(RUNNERS)
    pool = await open_pool(database)
    try:
        row = await ExperimentStore(pool).find("own")
        assert row is not None
        arms = await ExperimentStore(pool).trials(row.id)
        tools = {
            arm: {
                trial.key.runner: [event.tool for event in trial.events
                                   if event.kind == "tool_call"]
                for trial in await TrialStore(pool).load(ids)
            } for arm, ids in arms.items()
        }
    finally:
        await pool.close()
    assert tools["look"] == {name: ["search", "read"] for name in RUNNERS}
    assert tools["baseline"] == {name: [] for name in RUNNERS}


async def test_what_is_wrong_with_an_experiment_is_said_before_anything_runs(
    command: Command, own: Path
) -> None:
    own.write_text(OWN.replace("clerk:", "clark:").replace("right_figure", "right_figur"))
    code, _, err = await command.run(own)
    assert code == 4
    assert f"{typed(own)}:8: variants.look.agents.clark" in err
    assert "did you mean 'clerk'" in err
    assert f"{typed(own)}:9: metric" in err
    code, _, err = await command.run(own, "--budget", "trial:usd=1")
    assert (code, "an experiment says that itself" in err) == (4, True)
    code, out, err = await command("status", "own")
    assert code == 4
    assert "no experiment 'own' was started on this database" in err
    code, out, _ = await command("list")
    assert (code, "not started: " in out) == (0, True)
    code, _, err = await command("rnu", own)
    assert "Did you mean 'run'?" in err
