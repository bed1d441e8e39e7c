"""Who sees what of a team on each framework, and what each makes of failures, on the wire."""

import pytest

from agentdyno.core.pattern import PATTERNS
from agentdyno.core.trial import Outcome
from agentdyno.experiments.conformance.case import MAIN, cases_of
from agentdyno.experiments.conformance.judges import was_told
from agentdyno.experiments.conformance.sight import sight
from agentdyno.tests.contract.lab import Lab
from agentdyno.tests.contract.plays import once
from agentdyno.tests.contract.ways import GOES_ON_WITHOUT_A_CHOICE, MORE, TEXTS


@pytest.mark.requirement("runner:patterns:history")
@pytest.mark.parametrize("pattern", PATTERNS)
async def test_agents_see_of_each_other_what_their_framework_documents(
    runner: str, lab: Lab, pattern: str
):
    played = await once(runner, cases_of(pattern)[MAIN], lab)
    more = MORE[runner].get(pattern, {})
    documented = {
        agent: sorted(f"{texts} {more.get(agent, '')}".split())
        for agent, texts in TEXTS[pattern].items()
    }
    assert {agent: sorted(seen) for agent, seen in sight(played).items()} == documented


@pytest.mark.requirement("runner:patterns:failure-reaches-manager")
@pytest.mark.parametrize("case", ["tool_fails", "worker_fails", "worker_limit"])
async def test_a_workers_failure_reaches_the_manager_who_answers(
    runner: str, lab: Lab, case: str
):
    played = await once(runner, cases_of("supervisor")[case], lab)
    assert played.trial.outcome is Outcome.COMPLETED, played.trial.reason
    assert [call.agent for call in played.model_calls][-1] == "boss"
    if case != "tool_fails":
        assert was_told(played), played.wire[-1].request


@pytest.mark.requirement("runner:patterns:nobody-chosen")
async def test_a_selector_that_names_nobody_is_asked_three_times_for_each_choice(
    runner: str, lab: Lab
):
    played = await once(runner, cases_of("selector")["nobody"], lab)
    asked = sum(call.agent == "chooser" for call in played.model_calls)
    if runner in GOES_ON_WITHOUT_A_CHOICE:
        assert played.trial.outcome is Outcome.COMPLETED, played.trial.reason
        assert {message.agent for message in played.messages} == {"scout"}
        assert asked == 3 * len(played.messages)
    else:
        assert played.trial.outcome is Outcome.AGENT_FAULT, played.trial.reason
        assert not played.messages
        assert asked == 3
