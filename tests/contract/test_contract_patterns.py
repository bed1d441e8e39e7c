"""Every runner keeps to every pattern that it declares; cells that it does not declare are skipped.

    python -m pytest tests/contract/test_contract_patterns.py -k "autogen and selector"
"""

import pytest

from agentdyno.experiments.conformance.case import Case, all_cases
from agentdyno.experiments.conformance.play import Played, play
from agentdyno.experiments.conformance.requirements import Requirement, requirements_of
from agentdyno.runners.registry import RUNNERS
from agentdyno.tests.contract.lab import Lab

CELLS = [(case, requirement) for case in all_cases() for requirement in requirements_of(case)]
_played: dict[tuple[str, str], Played] = {}


async def _once(runner: str, case: Case, lab: Lab) -> Played:
    key = (runner, case.id)
    if key not in _played:
        _played[key] = await play(case, lab.bench, lab.pool)
    return _played[key]


def declared(runner: str, case: Case) -> None:
    """Skip the test where `runner` says that it does not execute the case's team."""
    support = RUNNERS[runner].teamwork.support(case.pattern, case.agents)
    if support.kind == "unsupported":
        pytest.skip(f"n/a: {support.how}")


@pytest.mark.requirement("runner:patterns")
@pytest.mark.parametrize(
    ("case", "requirement"),
    [pytest.param(*cell, id=f"{cell[0].id}-{cell[1].id}") for cell in CELLS],
)
async def test_a_declared_pattern(runner: str, lab: Lab, case: Case, requirement: Requirement):
    declared(runner, case)
    played = await _once(runner, case, lab)
    wrong = list(requirement.judge(played))
    if wrong:
        title = f"{case.id} on {runner} ({case.spec.title}), {requirement.id}:"
        pytest.fail("\n".join((title, *wrong)), pytrace=False)
