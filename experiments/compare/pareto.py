"""Quality, cost and latency at once: who is beaten by nobody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from agentdyno.core.estimate import Estimate
from agentdyno.evals.statistics.rates import clustered_mean
from agentdyno.evals.statistics.values import Values
from agentdyno.experiments.compare.compare import Arm
from agentdyno.experiments.compare.metrics import METRICS, values_of

COSTS = ("cost_usd", "prompt_tokens")
"""What stands for cost: dollars where every arm has them, else prompt tokens."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One arm by what matters."""

    arm: str
    passed: Estimate
    """Share that passed."""
    cost: float
    """Median per trial, in the unit that `Front.cost` names."""
    wall_s: float
    """Median seconds per trial."""
    beaten_by: tuple[str, ...]
    """Arms that are nowhere worse and somewhere better, by more than the margins of the metrics;
    none on the front."""


@dataclass(frozen=True, kw_only=True)
class Front:
    """All arms; those that nobody beats are the Pareto front."""

    cost: str
    """Metric that stands for cost."""
    points: tuple[Point, ...]

    @property
    def best(self) -> tuple[str, ...]:
        """Return the arms on the front."""
        return tuple(point.arm for point in self.points if not point.beaten_by)


def pareto(arms: Sequence[Arm]) -> Front | None:
    """Return the front of `arms` on the cases that all of them ran; None without any.

    Point estimates alone decide: an arm may be beaten by less than its interval is wide, which is
    why intervals stand beside them.
    """
    wanted = [METRICS[name] for name in ("passed", *COSTS, "wall_s")]
    return pareto_of({arm.name: values_of(arm.trials, wanted) for arm in arms})


def pareto_of(arms: Mapping[str, Mapping[str, Values]]) -> Front | None:
    """Return the same of the values of arms, by arm, metric and case."""
    values = list(arms.values())
    common = set.intersection(*(set(one["passed"]) for one in values)) if values else set()
    if not common:
        return None
    cost = next(
        (name for name in COSTS if all(set(one[name]) >= common for one in values)), COSTS[-1]
    )
    found = []
    for name, one in arms.items():
        kept = {
            metric: {case: some for case, some in one[metric].items() if case in common}
            for metric in ("passed", cost, "wall_s")
        }
        passed = clustered_mean(kept["passed"])
        assert passed is not None
        middle = {
            metric: median(v for some in kept[metric].values() for v in some)
            for metric in (cost, "wall_s")
        }
        found.append((name, passed, middle[cost], middle["wall_s"]))
    return Front(cost=cost, points=tuple(
        Point(
            arm=name, passed=passed, cost=spent, wall_s=wall,
            beaten_by=tuple(
                other for other, rate, dollars, seconds in found
                if _beats((rate.value, dollars, seconds), (passed.value, spent, wall), cost)
            ),
        )
        for name, passed, spent, wall in found
    ))


def _beats(
    one: tuple[float, float, float], other: tuple[float, float, float], cost: str
) -> bool:
    """Tell whether `one` is nowhere worse than `other` and somewhere better, by more than the
    metrics' margins."""
    rate, other_rate = one[0], other[0]
    gains = [rate - other_rate > METRICS["passed"].margin]
    losses = [other_rate - rate > METRICS["passed"].margin]
    for mine, its, name in ((one[1], other[1], cost), (one[2], other[2], "wall_s")):
        margin = 1 + METRICS[name].margin
        gains.append(mine * margin < its)
        losses.append(its * margin < mine)
    return any(gains) and not any(losses)
