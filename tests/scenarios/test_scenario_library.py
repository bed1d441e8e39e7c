"""The bundled scenarios: they validate, they can be passed, and their checks can fail."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agentdyno.core.trial import Trial
from agentdyno.evals.checks import evaluate
from agentdyno.scenarios.loader import LoadedScenario, list_scenarios, load_scenario

Play = Callable[..., Awaitable[Trial]]
FIRST = ("docs_question", "investment_analysis", "order_mail", "refund_chat")
"""Scenarios without a pattern of several agents but the pipeline; the others' tests stand apart."""


def statuses(loaded: LoadedScenario, trial: Trial) -> dict[str, str]:
    verdicts = evaluate(trial, loaded.scenario.checks, loaded.folder)
    return {verdict.check: verdict.status for verdict in verdicts}


@pytest.mark.parametrize("name", list_scenarios())
def test_a_scenario_of_the_library_is_named_like_its_folder(name: str) -> None:
    assert load_scenario(name).scenario.name == name


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("name", FIRST)
async def test_the_script_passes_every_check(name: str, parallel: bool, play: Play) -> None:
    loaded = load_scenario(name)
    trial = await play(name, parallel=parallel)
    verdicts = evaluate(trial, loaded.scenario.checks, loaded.folder)
    assert [verdict for verdict in verdicts if verdict.status != "pass"] == []


def spoiled(trial: Trial) -> list[Trial]:
    """Return trials that each went wrong in one way; together they break every check."""
    cut = trial.model_copy(update={"answers": tuple(
        "yes, AAPL" for _ in trial.answers
    )})
    digits = str.maketrans("0123456789", "1234567890")
    changed = trial.model_copy(update={"answers": tuple(
        answer.translate(digits) for answer in trial.answers
    )})
    idle = trial.model_copy(update={"events": (), "end_state": {}})
    long = trial.model_copy(update={"duration_s": 1e6})
    twice = trial.model_copy(update={"events": trial.events * 2})
    pair = trial.model_copy(update={"answers": tuple(
        answer.replace('["GOOG", "IBM"]', '["AAPL", "IBM"]') for answer in trial.answers
    )})
    return [cut, changed, idle, long, twice, pair]


@pytest.mark.parametrize("name", FIRST)
async def test_every_check_of_the_library_can_fail(name: str, play: Play) -> None:
    loaded = load_scenario(name)
    failed: set[str] = set()
    for trial in spoiled(await play(name)):
        found = statuses(loaded, trial)
        assert set(found.values()) <= {"pass", "fail"}
        failed |= {check for check, status in found.items() if status == "fail"}
    assert failed == {check.id for check in loaded.scenario.checks}


@pytest.mark.parametrize(
    ("tool", "part"),
    [
        ("search", "returns a recommendation without figures unread"),
        ("list_symbols", "returns a recommendation without figures unread"),
        ("read", "returns a recommendation without figures unread"),
        ("returns", "returns a recommendation without figures unread"),
        ("drawdown", "returns a recommendation without figures unread"),
        ("volatility", "returns a recommendation without figures unread"),
        ("correlation", "returns a recommendation without figures unread"),
        ("memory_search", '"pair_volatility_pct": null'),
        ("memory_write", '"pair": ["GOOG", "IBM"]'),
        ("evaluate", '"pair_volatility_pct": null'),
        ("send_mail", "could not be mailed: Error: out of order"),
    ],
)
async def test_a_tool_that_fails_leads_to_an_honest_answer(
    tool: str, part: str, play: Play
) -> None:
    loaded = load_scenario("investment_analysis")
    trial = await play("investment_analysis", {tool: "out of order"})
    assert part in trial.answers[-1]
    assert "fail" in statuses(loaded, trial).values()


@pytest.mark.parametrize("tool", ["search", "read"])
async def test_the_guide_says_when_it_cannot_read(tool: str, play: Play) -> None:
    trial = await play("docs_question", {tool: "out of order"})
    assert all("could not" in answer and "out of order" in answer for answer in trial.answers)


async def test_the_investment_team_uses_every_kind_of_tool(play: Play) -> None:
    trial: Any = await play("investment_analysis")
    used = {event.tool for event in trial.events if event.kind == "tool_call"}
    assert used == {
        "search", "read", "list_symbols", "returns", "drawdown", "volatility", "correlation",
        "memory_search", "memory_write", "evaluate", "send_mail",
    }


def test_the_reference_figures_are_computed_apart_from_the_tools() -> None:
    source = (load_scenario("investment_analysis").folder / "reference.py").read_text()
    assert "agentdyno" not in source
