"""`SCENARIO:CASE`: one instance of a scenario, with facts of its own."""

from collections.abc import Sequence

from agentdyno.core.check import CheckSpec
from agentdyno.core.scenario import Case, Scenario


def instance(scenario: Scenario, case: Case) -> Scenario:
    """Return `scenario` with the facts of `case`."""
    return scenario.model_copy(update={
        "title": case.title or scenario.title, "vars": scenario.vars | case.vars, "cases": {},
        "tags": tuple(dict.fromkeys((*scenario.tags, *case.tags))),
        "difficulty": case.difficulty or scenario.difficulty,
        "checks": changed_checks(scenario.checks, case.checks, case.without_checks),
    })


def changed_checks(
    checks: Sequence[CheckSpec], others: Sequence[CheckSpec], without: Sequence[str]
) -> tuple[CheckSpec, ...]:
    """Return `checks` without those of ids in `without`, with `others` in the place of those of the
    same id and at the end."""
    replaced = {check.id: check for check in others}
    kept = [
        replaced.pop(check.id, check) for check in checks if check.id not in without
    ]
    return (*kept, *replaced.values())
