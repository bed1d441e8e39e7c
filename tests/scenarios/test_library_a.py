"""Budget, triage, review and the other arrangements: passable however much agents see, and not by
accident."""

from collections.abc import Awaitable, Callable

import pytest

from agentdyno.core.trial import Trial
from agentdyno.evals.checks import evaluate
from agentdyno.scenarios.loader import LoadedScenario, load_scenario
from agentdyno.tests.scenarios.lean import Sight

Play = Callable[..., Awaitable[Trial]]
NAMES = (
    "investment_analysis.round_robin", "investment_analysis.supervisor", "budget_allocation",
    "support_triage", "report_review",
)


def statuses(loaded: LoadedScenario, trial: Trial) -> dict[str, str]:
    verdicts = evaluate(trial, loaded.scenario.checks, loaded.folder)
    return {verdict.check: verdict.status for verdict in verdicts}


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("sight", ["texts", "own", "all"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_team_passes_whatever_its_agents_see_of_each_other(
    name: str, sight: Sight, parallel: bool, play: Play
) -> None:
    loaded = load_scenario(name)
    trial = await play(name, parallel=parallel, sight=sight)
    verdicts = evaluate(trial, loaded.scenario.checks, loaded.folder)
    assert [verdict for verdict in verdicts if verdict.status != "pass"] == []
