"""`agentdyno score` and `agentdyno check`, as a user types them."""

import asyncio
import json
from pathlib import Path

import pytest

from agentdyno.cli.main import main
from agentdyno.core.trial import Outcome, Trial, TrialKey, Verdict, WorkerReport
from agentdyno.evals.custom import installed
from agentdyno.store.database import open_pool
from agentdyno.store.trials import TrialStore

SCENARIO = """\
name: small
title: t
user: [Go.]
agents:
  solo: {role: r, goal: g, instructions: i}
pattern: {type: single, agent: solo}
checks:
- {id: says_hold, type: contains, text: Hold}
"""


def sealed(number: int, scenario: str = "small", answer: str = "Hold.") -> Trial:
    key = TrialKey(scenario=scenario, scenario_digest="0", runner="langgraph", runner_version="1",
                   runner_digest="0", model_digest="0", repeat=number)
    return Trial(
        id=f"{number:020x}", key=key, outcome=Outcome.COMPLETED, answers=(answer,),
        user_turns=("Go.",), started_at="2026-11-21T10:00:00+00:00", duration_s=1.0,
        report=WorkerReport(ended="returned"),
        verdicts=(Verdict(check="says_hold", status="fail", reason="as it was"),),
    )


async def fill(dsn: str, *trials: Trial) -> None:
    pool = await open_pool(dsn)
    try:
        store = TrialStore(pool)
        await store.save(await store.create_matrix("run", {}), [(trial, ()) for trial in trials])
    finally:
        await pool.close()


@pytest.fixture
def scenario(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AGENTDYNO_DATABASE_URL", database)
    monkeypatch.setenv("AGENTDYNO_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "scenario.yaml"
    path.write_text(SCENARIO)
    return str(path)


def test_what_changed_is_told_and_what_was_said_before_is_kept(
    scenario: str, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(fill(database, sealed(1), sealed(2)))
    assert main(["score", "--scenario", scenario, "--dry-run"]) == 0
    assert "2 trials would be graded again" in capsys.readouterr().out
    assert main(["score", "--scenario", scenario]) == 0
    out = capsys.readouterr().out
    assert "2 trials graded again: 2 changed (2 verdicts became others), 2 pass" in out
    [row] = [line.split() for line in out.splitlines() if "says_hold" in line]
    assert row[:5] == ["small", "says_hold", "fail", "pass", "2"]
    assert main(["score", "--history", f"{1:020x}"]) == 0
    told = capsys.readouterr().out
    assert told.index("fail says_hold: as it was") < told.index("grading 1,")
    assert told.index("grading 1,") < told.index("pass says_hold: the answer says “Hold.”")


def test_exit_codes_say_what_came_of_it(
    scenario: str, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", "--scenario", scenario]) == 5
    asyncio.run(fill(database, sealed(1, answer="Sell.")))
    assert main(["score", "--scenario", scenario]) == 1
    asyncio.run(fill(database, sealed(2, "lost")))
    assert main(["score", "--json"]) == 4
    out = capsys.readouterr().out
    told = json.loads(out[out.index("{"):])
    assert {one["situation"]: len(one["trials"]) for one in told["refused"]} == {
        "small": 1, "lost": 1,
    }
    assert main(["score", "--scenario", "no_such_scenario"]) == 4


def test_every_type_of_check_is_listed_and_can_be_looked_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", "list", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = [row["check"] for row in rows if row["from"] == "agentdyno"]
    assert {"sql", "path", "python"} <= {*names}
    for name in names:
        assert main(["check", "show", name]) == 0
        out = capsys.readouterr().out
        assert f"`{name}`" in out
        assert "needed" in out
    assert main(["check", "show", "sqll"]) == 4
    assert "did you mean 'sql'?" in capsys.readouterr().err


def test_the_checks_of_a_scenario_and_of_a_package_are_listed(
    scenario: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", "list", scenario]) == 0
    assert '{"text": "Hold"}' in capsys.readouterr().out
    info = tmp_path / "acme_words-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-words\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[agentdyno.checks]\nkind = acme_words:kind\n")
    (tmp_path / "acme_words.py").write_text(
        "import agentdyno\n@agentdyno.check\n"
        "def kind(trial, *, words=('please',)):\n    'Says a kind word.'\n    return True\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    installed.cache_clear()
    assert main(["check", "list"]) == 0
    assert "python: kind" in capsys.readouterr().out
    assert main(["check", "show", "kind"]) == 0
    out = capsys.readouterr().out
    installed.cache_clear()
    assert "Says a kind word." in out
    assert "args.words=('please',)" in out
