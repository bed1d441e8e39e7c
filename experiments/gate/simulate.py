"""How often a gate cries wolf, and how often it sees a drop: by drawing runs and judging them.

A run is drawn from a pool of trials, case by case and with replacement; the same pool twice is an
A/A pair, in which every regression is a false alarm. In the second arm a drop can be planted:
passing trials are failed at random until the rate has fallen by the effect.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agentdyno.core.estimate import Estimate
from agentdyno.core.noun import Noun
from agentdyno.evals.statistics.paired import ALPHA
from agentdyno.evals.statistics.power import Scatter, Size, advise
from agentdyno.evals.stats import wilson
from agentdyno.experiments.compare.metrics import METRICS
from agentdyno.experiments.gate.judge import Question, judge
from agentdyno.experiments.gate.questions import RATE_MARGIN

Trialed = Mapping[str, float]
"""Metrics of one trial by name."""
Pool = Mapping[str, Mapping[str, Sequence[Trialed]]]
"""Trials by runner and case."""
PLANTED = "passed"
_STEPS = 1.2
_GRAIN = 50
"""Trials that stand for a made-up case."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to simulate."""

    trials: int
    """Trials of each case in one run."""
    effect: float = 0.1
    """Drop of the pass rate that is planted."""
    rounds: int = 1000
    """Pairs of runs."""
    seed: int = 0
    alpha: float = ALPHA
    margins: Mapping[str, float] = field(default_factory=dict)
    resamples: int = 2000
    """Signs drawn, and bootstrap samples, of each judgement."""


class Calibration(Noun):
    """What a gate does over many runs."""

    false_alarms: Estimate
    """Share of A/A pairs in which it finds any regression."""
    power: Estimate
    """Share of pairs with the planted drop in which it finds any regression."""
    cleared: Estimate
    """Share of A/A pairs in which the pass rate is told to be no worse, not merely unknown."""
    effect: float
    questions: int
    """Lines that are judged at once."""


def calibrate(pool: Pool, plan: Plan) -> Calibration:
    """Return false alarms and power of a gate on runs drawn from `pool`.

    Raises:
        ValueError: the pool has no trial.
    """
    return _calibrate(lambda generator: pool, pool, plan)


def calibrate_suite(
    cases: int, plan: Plan, *, rate: float = 0.8, between: float = 0.0, runners: int = 1
) -> Calibration:
    """Return the same for made-up suites, whose cases are drawn anew in every round.

    Args:
        rate: mean pass rate.
        between: standard deviation of the cases' true rates (a beta distribution).
    """
    passing, failing = {PLANTED: 1.0}, {PLANTED: 0.0}

    def draw(generator: Any) -> Pool:
        def trials(chance: float) -> Sequence[Trialed]:
            good = round(_GRAIN * chance)
            return [passing] * good + [failing] * (_GRAIN - good)

        return {
            f"r{runner}": {
                f"c{case}": trials(chance)
                for case, chance in enumerate(_rates(generator, cases, rate, between))
            } for runner in range(runners)
        }

    import numpy as np

    example = draw(np.random.default_rng(plan.seed))
    return _calibrate(draw if between else lambda generator: example, example, plan)


def _rates(generator: Any, cases: int, rate: float, between: float) -> list[float]:
    if not between:
        return [rate] * cases
    spread = rate * (1 - rate) / between**2 - 1
    return [float(x) for x in generator.beta(rate * spread, (1 - rate) * spread, size=cases)]


def advised(
    effect: float, rate: float, questions: int, alpha: float = ALPHA, power: float = 0.8
) -> tuple[Size, ...]:
    """Return sizes at which a gate with so many questions sees a drop of the pass rate.

    The first step of Holm's method judges at alpha divided by their number. A permutation test's p
    comes in steps and is never too small; a fifth more cases make up for it (`calibrate_suite`
    shows that they do).
    """
    # Two arms of one trial: the variance of the rate before, and of the lower one now.
    variance = (rate * (1 - rate) + (rate - effect) * (1 - rate + effect)) / 2
    scatter = Scatter(within=max(variance, 0.0) ** 0.5, between=0.0)
    return tuple(
        replace(size, cases=math.ceil(_STEPS * size.cases)) for size in
        advise(effect, scatter, alpha=alpha / max(1, questions), wanted=power)
    )


def _calibrate(draw: Callable[[Any], Pool], example: Pool, plan: Plan) -> Calibration:
    import numpy as np

    if not any(some for cases in example.values() for some in cases.values()):
        raise ValueError("a pool without trials cannot be drawn from")
    generator = np.random.default_rng(plan.seed)
    alarms = seen = cleared = 0
    pool, planted = example, _chances(example, plan.effect)
    for _ in range(plan.rounds):
        drawn = draw(generator)
        if drawn is not pool:
            pool, planted = drawn, _chances(drawn, plan.effect)
        before, now, worse = (
            _run(pool, plan.trials, generator, failing) for failing in ({}, {}, planted)
        )
        lines = _judged(before, now, plan)
        alarms += any(line.verdict == "regression" for line in lines)
        cleared += all(
            line.verdict in ("pass", "improved") for line in lines if line.metric == PLANTED
        )
        seen += any(
            line.verdict == "regression" for line in _judged(before, worse, plan)
        )
    questions = len(_judged(before, now, plan))
    estimates = [wilson(count, plan.rounds) for count in (alarms, seen, cleared)]
    false_alarms, power, told = (
        found.model_copy(update={"seed": plan.seed}) for found in estimates if found is not None
    )
    return Calibration(false_alarms=false_alarms, power=power, cleared=told, effect=plan.effect,
                       questions=questions)


def _chances(pool: Pool, drop: float) -> dict[str, float]:
    """Return how often a passing trial of each runner has to fail for its rate to fall by `drop`.
    """
    return {runner: _chance(cases, drop) for runner, cases in pool.items()}


def _chance(cases: Mapping[str, Sequence[Trialed]], drop: float) -> float:
    rates = [
        sum(one.get(PLANTED, 0.0) for one in some) / len(some) for some in cases.values() if some
    ]
    rate = sum(rates) / len(rates) if rates else 0.0
    return min(1.0, drop / rate) if rate else 0.0


def _run(
    pool: Pool, trials: int, generator: Any, failing: Mapping[str, float]
) -> dict[str, Any]:
    """Draw one run: runner -> case -> trials; a passing one fails with its runner's chance."""
    run = {}
    for runner, cases in pool.items():
        chance = failing.get(runner, 0.0)
        told = [(case, some) for case, some in cases.items() if some]
        places, lots = generator.random((2, len(told), trials)).tolist()
        run[runner] = {
            case: [
                _failed(one) if lot < chance else one
                for one, lot in zip((some[int(at * len(some))] for at in row), lot_row, strict=True)
            ] for (case, some), row, lot_row in zip(told, places, lots, strict=True)
        }
    return run


def _failed(trial: Trialed) -> Trialed:
    return {**trial, PLANTED: 0.0}


def _judged(before: Mapping[str, Any], now: Mapping[str, Any], plan: Plan) -> Any:
    questions = []
    for runner, cases in before.items():
        names = dict.fromkeys(name for some in cases.values() for one in some for name in one)
        for name in names:
            metric = METRICS.get(name)
            questions.append(Question(
                runner=runner, metric=name, named=True,
                higher_is_better=metric is None or metric.higher_is_better,
                ratio=metric is not None and metric.kind == "ratio",
                margin=plan.margins.get(name, metric.margin if metric else RATE_MARGIN),
                before=_values(cases, name), now=_values(now[runner], name),
            ))
    return judge(questions, alpha=plan.alpha, seed=plan.seed, resamples=plan.resamples)


def _values(cases: Mapping[str, Sequence[Trialed]], name: str) -> dict[str, list[float]]:
    return {case: [one[name] for one in some if name in one] for case, some in cases.items()}
