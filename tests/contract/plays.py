"""Cases of the conformance suite as they were played, once for each runner and session."""

import pytest

from agentdyno.experiments.conformance.case import Case
from agentdyno.experiments.conformance.play import Played, play
from agentdyno.runners.registry import RUNNERS
from agentdyno.tests.contract.lab import Lab

_played: dict[tuple[str, str], Played] = {}


def supported(runner: str, case: Case) -> None:
    """Skip the test where `runner` says that it does not execute the case's team."""
    support = RUNNERS[runner].teamwork.support(case.pattern, case.agents)
    if support.kind == "unsupported":
        pytest.skip(f"n/a: {support.how}")


async def once(runner: str, case: Case, lab: Lab) -> Played:
    """Return the played case; skips the test where the runner does not execute the team."""
    supported(runner, case)
    key = (runner, case.id)
    if key not in _played:
        derive = not RUNNERS[runner].teamwork.hook
        _played[key] = await play(case, lab.bench, lab.pool, derive=derive)
    return _played[key]


def hold(case: Case, runner: str, what: str, wrong: list[str]) -> None:
    """Fail in words when anything is wrong."""
    if wrong:
        title = f"{case.id} on {runner} ({case.spec.title}), {what}:"
        pytest.fail("\n".join((title, *wrong)), pytrace=False)
