"""Teams of every pattern side by side, after an error, and when they are cancelled."""

import pytest

from agentdyno.cli.context import load_settings
from agentdyno.core.pattern import PATTERNS
from agentdyno.experiments.conformance.bouts import BOUTS, Bout
from agentdyno.experiments.conformance.case import MAIN, cases_of
from agentdyno.experiments.conformance.declared import declared_wrong
from agentdyno.runners.envs import resolve
from agentdyno.runners.registry import RUNNERS
from agentdyno.tests.contract.lab import Lab
from agentdyno.tests.contract.plays import hold, supported


@pytest.mark.requirement("runner:patterns:undisturbed")
@pytest.mark.parametrize("bout", [pytest.param(bout, id=bout.id) for bout in BOUTS])
@pytest.mark.parametrize("pattern", PATTERNS)
async def test_a_team_of_a_declared_pattern(runner: str, lab: Lab, pattern: str, bout: Bout):
    case = cases_of(pattern)[MAIN]
    supported(runner, case)
    hold(case, runner, bout.id, [line async for line in bout.judge(case, lab.bench, lab.pool)])


@pytest.mark.requirement("runner:patterns:declared")
async def test_the_class_declares_what_its_row_says_and_what_both_name_imports(runner: str):
    ref = await resolve(runner, load_settings().cache)
    wrong = await declared_wrong(ref)
    assert not [line for lines in wrong.values() for line in lines]
    natives = [s for s in RUNNERS[runner].teamwork.patterns.values() if s.kind == "native"]
    if runner != "windmill":  # whose construct is a document, not a class
        assert all(support.classes for support in natives)
