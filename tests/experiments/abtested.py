"""Observations of experiments, made by hand."""

from collections.abc import Callable, Sequence
from typing import Any

from agentdyno.core.experiment import Experiment
from agentdyno.experiments.abtest.design import Design
from agentdyno.experiments.abtest.judge import ArmVerdict, judge
from agentdyno.experiments.abtest.observed import Observation

Value = Callable[[str, int], float]
"""Value of a trial from its case and repeat."""


def asked(**changes: Any) -> Experiment:
    """Return an experiment of the variants a and b."""
    return Experiment.model_validate({
        "name": "e", "hypothesis": "h", "scenarios": ["s"], "size": {"trials": 20},
        "arms": ["a", "b"], **changes,
    })


def design(of: Experiment, cases: int = 10, *, draws: bool = True) -> Design:
    """Return its plan."""
    return Design(
        arms=(of.baseline, *of.challengers), cases=tuple(f"s:c{at}" for at in range(cases)),
        runners=("r@1",), rounds=of.size.trials or 2, rounds_per_look=5, draws=draws, prompts={},
        cells={},
    )


def seen(
    arm: str, value: Value, *, cases: int = 10, repeats: int = 20, metric: str = "passed",
    counted: Callable[[str, int], bool] = lambda case, at: True, wire: Value | None = None,
    **others: Value,
) -> list[Observation]:
    """Return the observations of one arm."""
    found = []
    for case in (f"s:c{at}" for at in range(cases)):
        for at in range(repeats):
            good = counted(case, at)
            values = {metric: value(case, at), **{k: v(case, at) for k, v in others.items()}}
            found.append(Observation(
                trial=f"{arm}{case}{at}", arm=arm, case=case, runner="r", repeat=at, counted=good,
                passed=bool(values.get("passed", 1)), values=values if good else {},
                wire=f"{case}-{wire(case, at) if wire else at}",
            ))
    return found


def verdicts(
    of: Experiment, arms: Sequence[list[Observation]], *, complete: bool = True,
    draws: bool = True,
) -> dict[str, ArmVerdict]:
    """Return what is said, by variant."""
    by_arm = {some[0].arm: some for some in arms}
    found = judge(of, design(of, draws=draws), by_arm, complete=complete)
    return {one.arm: one for one in found}
