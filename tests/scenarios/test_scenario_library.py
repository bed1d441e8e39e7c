"""The bundled scenarios: they validate, they can be passed, and their checks can fail."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agentdyno.core.trial import Trial
from agentdyno.evals.checks import evaluate
from agentdyno.scenarios.loader import LoadedScenario, list_scenarios, load_scenario

Play = Callable[..., Awaitable[Trial]]


def statuses(loaded: LoadedScenario, trial: Trial) -> dict[str, str]:
    verdicts = evaluate(trial, loaded.scenario.checks, loaded.folder)
    return {verdict.check: verdict.status for verdict in verdicts}


def test_the_library_holds_the_two_scenarios() -> None:
    assert list_scenarios() == ("docs_question", "investment_analysis")


@pytest.mark.parametrize("name", list_scenarios())
def test_a_scenario_of_the_library_is_named_like_its_folder(name: str) -> None:
    assert load_scenario(name).scenario.name == name


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("name", list_scenarios())
async def test_the_script_passes_every_check(name: str, parallel: bool, play: Play) -> None:
    loaded = load_scenario(name)
    trial = await play(name, parallel=parallel)
    verdicts = evaluate(trial, loaded.scenario.checks, loaded.folder)
    assert [verdict for verdict in verdicts if verdict.status != "pass"] == []
