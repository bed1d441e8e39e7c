"""Compares arms pair by pair: every metric, every slice, and the cases that flipped."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from agentdyno.core.trial import Trial
from agentdyno.experiments.compare.flips import flips
from agentdyno.experiments.compare.metrics import (
    METRICS,
    OUT_OF_COUNT,
    Metric,
    check_metric,
    values_of,
)
from agentdyno.experiments.compare.nouns import Comparison, Coverage
from agentdyno.experiments.compare.table import MIN_COVERAGE, Facts, Rules, Side, compare_sides
from agentdyno.experiments.fingerprint import nothing_scatters

__all__ = ["MIN_COVERAGE", "Arm", "Facts", "Rules", "compare", "coverage"]


@dataclass(frozen=True, kw_only=True)
class Arm:
    """Trials that are compared as one."""

    name: str
    trials: Sequence[Trial]


def compare(arms: Sequence[Arm], rules: Rules | None = None) -> tuple[Comparison, ...]:
    """Return one comparison for each pair of arms, in order, as `compare_sides` does it."""
    rules = rules or Rules()
    checks = {v.check for arm in arms for trial in arm.trials for v in trial.verdicts}
    metrics = [*METRICS.values(), *(map(check_metric, sorted(checks)) if rules.checks else ())]
    sides = [_side(arm, metrics) for arm in arms]
    passed = [side.values["passed"] for side in sides]
    return tuple(
        replace(found, flips=flips(arms[a].trials, arms[b].trials, passed[a], passed[b]))
        for found, (a, b) in zip(
            compare_sides(sides, metrics, rules), combinations(range(len(arms)), 2), strict=True
        )
    )


def _side(arm: Arm, metrics: Sequence[Metric]) -> Side:
    counted = [trial for trial in arm.trials if trial.outcome not in OUT_OF_COUNT]
    return Side(
        name=arm.name, values=values_of(arm.trials, metrics), coverage=coverage(arm.trials),
        exact=nothing_scatters(counted),
        cases=frozenset(trial.key.situation for trial in arm.trials),
    )


def coverage(trials: Sequence[Trial]) -> Coverage:
    """Return how much of an arm counts, with the bounds of what the rest could change."""
    counted = [trial for trial in trials if trial.outcome not in OUT_OF_COUNT]
    passed = sum(_passed(trial) for trial in counted)
    n, spoiled = len(trials), len(trials) - len(counted)
    return Coverage(
        trials=n, counted=len(counted), passed=passed,
        best=(passed + spoiled) / n if n else None, worst=passed / n if n else None,
    )


def _passed(trial: Trial) -> bool:
    return bool(trial.verdicts) and all(verdict.status == "pass" for verdict in trial.verdicts)
