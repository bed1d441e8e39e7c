"""How many cases and trials an effect needs before it can be seen."""

import math
from dataclasses import dataclass

from agentdyno.evals.statistics.paired import ALPHA, POWER
from agentdyno.evals.statistics.student import t_cdf, t_quantile
from agentdyno.evals.statistics.values import Values, means

TRIALS = (1, 2, 3, 5, 8, 12, 20)
_MOST_CASES = 100_000


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """How values of one metric scatter, as standard deviations."""

    within: float
    """Between trials of one case."""
    between: float
    """Between cases, of the true difference of two arms."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """A plan: so many cases, each run so often on each arm."""

    cases: int
    trials: int
    power: float
    """Chance that the effect shows."""

    @property
    def runs(self) -> int:
        """Return the trials of one arm."""
        return self.cases * self.trials


def standard_error(scatter: Scatter, cases: int, trials: int) -> float:
    """Return sqrt((between^2 + 2 within^2 / trials) / cases), the standard error of the mean paired
    difference. Source: E. Miller, "Adding error bars to evals" (2024), arXiv:2411.00640, 5.
    """
    return math.sqrt((scatter.between**2 + 2 * scatter.within**2 / trials) / cases)


def power(
    effect: float, scatter: Scatter, cases: int, trials: int, alpha: float = ALPHA
) -> float:
    """Return the chance that a true difference `effect` gives a two-sided p below `alpha`.

    Student's t, with the shift taken as normal: right to about a hundredth from ten cases on.
    """
    if cases < 2:
        return 0.0
    error = standard_error(scatter, cases, trials)
    if error == 0:
        return 1.0
    return 1 - t_cdf(t_quantile(1 - alpha / 2, cases - 1) - abs(effect) / error, cases - 1)


def minimum_detectable(
    cases: int, trials: int, scatter: Scatter, *, alpha: float = ALPHA, wanted: float = POWER
) -> float | None:
    """Return the smallest true difference that shows with chance `wanted`; None below two cases.

    Source: H. S. Bloom, "Minimum detectable effects", Evaluation Review 19 (1995), 547-556.
    """
    if cases < 2:
        return None
    factor = t_quantile(1 - alpha / 2, cases - 1) + t_quantile(wanted, cases - 1)
    return factor * standard_error(scatter, cases, trials)


def advise(
    effect: float, scatter: Scatter, *, alpha: float = ALPHA, wanted: float = POWER
) -> tuple[Size, ...]:
    """Return for each number of trials per case the fewest cases that show `effect` with chance
    `wanted`; plans that would need more than 100,000 cases are left out.

    Raises:
        ValueError: `effect` is 0.
    """
    if effect == 0:
        raise ValueError("no number of cases shows an effect of 0")
    sizes = []
    for trials in TRIALS:
        low, high = 1, 2
        while high <= _MOST_CASES and power(effect, scatter, high, trials, alpha) < wanted:
            low, high = high, 2 * high
        if high > _MOST_CASES:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            enough = power(effect, scatter, middle, trials, alpha) >= wanted
            low, high = (low, middle) if enough else (middle, high)
        found = power(effect, scatter, high, trials, alpha)
        sizes.append(Size(cases=high, trials=trials, power=found))
    return tuple(sizes)


def rate_scatter(rate: float, between: float = 0.0) -> Scatter:
    """Return the scatter of 0 and 1 around `rate`, all cases being equally hard: the widest there
    is for that rate."""
    return Scatter(within=math.sqrt(rate * (1 - rate)), between=between)


def seen_scatter(a: Values, b: Values | None = None) -> Scatter | None:
    """Return the scatter of trials that ran: pooled within cases, and between cases of the
    difference of two arms, less what trials alone would make of it. None when no case has two
    trials.
    """
    arms = [a] if b is None else [a, b]
    squares, freedom = 0.0, 0
    for arm in arms:
        for some in arm.values():
            if len(some) > 1:
                mean = sum(some) / len(some)
                squares += sum((value - mean) ** 2 for value in some)
                freedom += len(some) - 1
    if not freedom:
        return None
    within = squares / freedom
    if b is None:
        return Scatter(within=math.sqrt(within), between=0.0)
    mean_a, mean_b = means(a), means(b)
    moved = [mean_b[case] - mean_a[case] for case in mean_a if case in mean_b]
    if len(moved) < 2:
        return Scatter(within=math.sqrt(within), between=0.0)
    centre = sum(moved) / len(moved)
    spread = sum((value - centre) ** 2 for value in moved) / (len(moved) - 1)
    noise = sum(within / len(arm[case]) for arm in arms for case in mean_a if case in mean_b)
    return Scatter(
        within=math.sqrt(within), between=math.sqrt(max(0.0, spread - noise / len(moved)))
    )


