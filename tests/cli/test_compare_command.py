"""`compare`, `recommend`, `power` and `confidence` from outside, on stored trials."""

import asyncio
import json
from pathlib import Path

import pytest

from agentdyno.cli.main import main
from agentdyno.store.database import open_pool
from agentdyno.store.trials import TrialStore
from agentdyno.tests.experiments.test_compare import trial

EXAMPLE, EXAMPLE_FOLDER = "app", Path(__file__).parents[2] / "examples" / "own_agent"


async def _store(database: str) -> None:
    pool = await open_pool(database)
    store = TrialStore(pool)
    matrix = await store.create_matrix("agentdyno run", {})
    trials = [
        trial(runner, "order_mail", repeat, passed=runner == "autogen" or repeat < 2,
              prompt=100 if runner == "autogen" else 150, wire=f"{runner}{repeat}")
        for runner in ("autogen", "crewai") for repeat in range(10)
    ]
    await store.save(matrix, [(one, ()) for one in trials])
    await pool.close()


@pytest.fixture
def stored(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTDYNO_DATABASE_URL", database)
    monkeypatch.setenv("AGENTDYNO_CACHE", "unused")
    asyncio.run(_store(database))


@pytest.mark.usefixtures("stored")
def test_compare_tells_rates_ratios_flips_and_the_front(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "autogen", "crewai"]) == 0
    shown = capsys.readouterr().out
    assert "crewai against autogen" in shown
    passed = next(line for line in shown.splitlines() if line.split()[:1] == ["passed"])
    assert "-0.800" in passed
    assert "worse" in passed
    tokens = next(line for line in shown.splitlines() if line.split()[:1] == ["prompt_tokens"])
    assert "× 1.500" in tokens
    assert "flipped: order_mail 100% → 20%" in shown
    assert "one case alone" in shown
    assert "Pareto front" in shown


@pytest.mark.usefixtures("stored")
def test_compare_as_json_holds_every_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "autogen", "crewai", "--json", "--margin", "prompt_tokens=0.6"]) == 0
    told = json.loads(capsys.readouterr().out)
    (found,) = told["comparisons"]
    lines = {line["metric"]: line for line in found["lines"]}
    assert lines["prompt_tokens"]["verdict"] == "equal"
    assert lines["passed"]["paired"]["difference"]["value"] == pytest.approx(-0.8)
    assert told["front"]["best"] == ["autogen"]


def test_compare_now_runs_what_is_missing_first(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENTDYNO_DATABASE_URL", database)
    arms = ["pydantic_ai", f"python:{EXAMPLE}:answer"]
    monkeypatch.chdir(EXAMPLE_FOLDER)
    assert main(["compare", *arms, "--now", "--scenario", "docs_question", "-n", "2"]) == 0
    shown = capsys.readouterr().out
    passed = next(line for line in shown.splitlines() if line.split()[:1] == ["passed"])
    assert "no sampling noise" in passed


@pytest.mark.usefixtures("stored")
def test_recommend_names_the_runner_with_its_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommend", "order_mail"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("order_mail: autogen\n")
    assert "crewai is out: it passes less often than autogen" in shown
    assert "One case was run" in shown


@pytest.mark.usefixtures("stored")
def test_cases_tell_flakiness_and_what_k_trials_would_do(
    capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cases", "crewai", "--json", "-k", "2"]) == 0
    (case,) = json.loads(capsys.readouterr().out)["cases"]
    assert (case["trials"], case["passed"]["value"]) == (10, pytest.approx(0.2))
    assert case["flaky"]["value"] == pytest.approx(2 * 2 * 8 / (10 * 9))
    assert case["at_least_one"] == pytest.approx(1 - 28 / 45)
    assert case["every"] == pytest.approx(1 / 45)
    assert main(["cases", "crewai"]) == 0
    assert "order_mail" in capsys.readouterr().out


@pytest.mark.usefixtures("stored")
def test_power_takes_its_scatter_from_stored_trials(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["power", "crewai"]) == 0
    assert "0.42 between trials of a case" in capsys.readouterr().out
    assert main(["power", "autogen"]) == 4
    assert "ended alike" in capsys.readouterr().err


@pytest.mark.usefixtures("stored")
def test_confidence_shows_each_trial_and_the_brier_score(
    capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["confidence", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["trials"]) == 20
    assert told["calibration"]["brier"] == pytest.approx(8 / 20)
    assert main(["confidence"]) == 0
    assert "Brier score 0.400 over 20 trials" in capsys.readouterr().out


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("arguments", "said"), [
    (["compare", "autogen"], "two arms"),
    (["compare", "autogen", "langgraph"], "no trial is stored for langgraph"),
    (["compare", "autogen", "crewia"], "did you mean 'crewai'"),
    (["compare", "autogen", "crewai", "--margin", "speed=1"], "no margin"),
    (["compare", "autogen", "crewai", "--now"], "--now does not know what to run"),
    (["recommend", "docs_question"], "fewer than two runners"),
    (["power", "--effect", "0.0001", "--rate", "0.5"], "100,000 cases"),
])
def test_what_cannot_be_compared_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 4
    assert said in capsys.readouterr().err


def test_power_without_arms_is_a_table_of_plans(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["power", "--effect", "0.1", "--rate", "0.8"]) == 0
    shown = capsys.readouterr().out
    assert "fewest trials: --trials 1 on 261 cases" in shown
