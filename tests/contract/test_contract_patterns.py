"""Every runner keeps to every pattern that it declares; cells that it does not declare are skipped.

    python -m pytest tests/contract/test_contract_patterns.py -k "autogen and selector"
"""

from dataclasses import replace

import pytest

from agentdyno.core.event import Message, Step
from agentdyno.core.pattern import PATTERNS
from agentdyno.experiments.conformance import teamwork
from agentdyno.experiments.conformance.case import MAIN, Case, all_cases, cases_of
from agentdyno.experiments.conformance.play import Played
from agentdyno.experiments.conformance.requirements import Requirement, requirements_of
from agentdyno.experiments.derived import derived
from agentdyno.tests.contract.lab import Lab
from agentdyno.tests.contract.plays import hold, once

CELLS = [(case, requirement) for case in all_cases() for requirement in requirements_of(case)]


@pytest.mark.requirement("runner:patterns")
@pytest.mark.parametrize(
    ("case", "requirement"),
    [pytest.param(*cell, id=f"{cell[0].id}-{cell[1].id}") for cell in CELLS],
)
async def test_a_declared_pattern(runner: str, lab: Lab, case: Case, requirement: Requirement):
    played = await once(runner, case, lab)
    hold(case, runner, requirement.id, list(requirement.judge(played)))


def _undeclared(played: Played) -> Played:
    """Return the trial as it would be if its runner had declared nothing."""
    seen = tuple(e for e in played.trial.events if not isinstance(e, Message | Step))
    silent = played.trial.model_copy(update={"events": seen})
    events = (*seen, *derived(silent, played.wire))
    trial = silent.model_copy(update={"events": events})
    return replace(played, trial=trial)


@pytest.mark.requirement("runner:patterns:derived")
@pytest.mark.parametrize("pattern", PATTERNS)
async def test_what_a_runner_leaves_undeclared_is_derived_from_the_wire(
    runner: str, lab: Lab, pattern: str
):
    case = cases_of(pattern)[MAIN]
    played = _undeclared(await once(runner, case, lab))
    assert all(event.derived for event in (*played.messages, *played.steps))
    wrong = [*teamwork.messages(played), *teamwork.steps(played)] if case.spec.said else []
    hold(case, runner, "derived", wrong)
