"""Research, releases, incidents and missing tools on every runner that executes their patterns."""

from collections.abc import Sequence

import pytest

from agentdyno.core.event import Approval, ToolGap, WireRecord
from agentdyno.core.trial import Outcome, Trial
from agentdyno.models.cassette.cassette import Cassette
from agentdyno.runners.registry import RUNNERS
from agentdyno.tests.contract.lab import Lab
from agentdyno.tests.scenarios.benched import planned, play_with_wire

pytestmark = pytest.mark.asyncio(loop_scope="session")


Sealed = tuple[Trial, Sequence[WireRecord]]
_played: dict[tuple[str, str], Sealed] = {}


async def once(name: str, runner: str, lab: Lab) -> Sealed:
    """Return the trial, played once; skips the test where the runner does not execute the team."""
    if (name, runner) not in _played:
        trial = planned(name, runner)
        support = RUNNERS[runner].teamwork.support(
            trial.scenario.scenario.pattern, trial.scenario.agents
        )
        if support.kind == "unsupported":
            pytest.skip(f"n/a: {support.how}")
        _played[name, runner] = await play_with_wire(lab.bench, trial, lab.pool)
    return _played[name, runner]


@pytest.mark.parametrize("name", [
    "daily_research", "release_notes", "incident_response", "zero_tools",
])
async def test_a_scenario_of_the_library_passes(name: str, runner: str, lab: Lab) -> None:
    trial, _ = await once(name, runner, lab)
    assert trial.outcome is Outcome.COMPLETED, trial.reason
    assert [verdict for verdict in trial.verdicts if verdict.status != "pass"] == []


async def test_the_rollback_of_the_incident_waited_for_a_person(runner: str, lab: Lab) -> None:
    trial, _ = await once("incident_response", runner, lab)
    decided = [event for event in trial.events if isinstance(event, Approval)]
    [rollback] = [event for event in decided if event.tool == "rollback"]
    assert (rollback.decision, rollback.approver) == ("approved", "script")
    assert rollback.shown == {"service": "checkout", "version": "4.11.3"}


async def test_a_report_of_a_missing_tool_arrives_whole(runner: str, lab: Lab) -> None:
    trial, _ = await once("zero_tools", runner, lab)
    [gap] = [event for event in trial.events if isinstance(event, ToolGap)]
    [tool] = gap.missing_tools
    assert sorted(tool.inputs["properties"]) == ["amount", "iban", "invoice"]
    assert tool.outputs["properties"]["status"]["enum"] == ["accepted", "rejected"]
    assert [checked.name for checked in gap.existing_tools_checked] == ["send_mail", "evaluate"]


async def test_a_recorded_report_is_told_again(runner: str, lab: Lab) -> None:
    trial, wire = await once("zero_tools", runner, lab)
    tools = Cassette.of(trial, wire).tools()
    assert tools is not None
    [gap] = [gap for result in tools.results for gap in result.gaps]
    assert gap.missing_tools[0].name == "create_payment"
