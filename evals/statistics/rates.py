"""Rates and means of one arm."""

import math
from collections.abc import Sequence

from agentdyno.core.estimate import Estimate
from agentdyno.evals.statistics.student import t_quantile
from agentdyno.evals.statistics.values import Values, is_binary
from agentdyno.evals.stats import wilson


def clustered_mean(values: Values, confidence: float = 0.95) -> Estimate | None:
    """Return the mean over all trials with an interval that knows which trials share a case.

    The standard error is sqrt(G / (G - 1) * sum over cases of (sum of the case's deviations)^2) / n
    with G cases and n trials, and the interval takes Student's t with G - 1 degrees of freedom.
    With one case it is Wilson's interval for a rate and Student's over trials for a mean: it says
    nothing of other cases. Rates without spread between cases have Wilson's interval, over cases
    where all trials are alike.

    Sources: E. Miller, "Adding error bars to evals" (2024), arXiv:2411.00640, 2.2; A. C. Cameron
    and D. L. Miller, "A practitioner's guide to cluster-robust inference", Journal of Human
    Resources 50 (2015), 317-372, for G / (G - 1) and t.
    """
    cases = [list(map(float, some)) for some in values.values() if some]
    every = [value for some in cases for value in some]
    if not every:
        return None
    n, groups, binary = len(every), len(cases), is_binary(values)
    mean = sum(every) / n
    if groups == 1:
        return _one_case(every, binary, confidence)
    squares = sum((sum(some) - len(some) * mean) ** 2 for some in cases)
    if binary and squares == 0:
        alike = mean in (0.0, 1.0)
        found = wilson(round(mean * groups), groups, confidence) if alike else (
            wilson(round(sum(every)), n, confidence))
        assert found is not None
        return found.model_copy(update={"n": n, "method": "wilson, all cases alike"})
    error = math.sqrt(groups / (groups - 1) * squares) / n
    half = t_quantile((1 + confidence) / 2, groups - 1) * error
    low, high = mean - half, mean + half
    if binary:
        low, high = max(0.0, low), min(1.0, high)
    return Estimate(
        value=mean, low=low, high=high, n=n, confidence=confidence,
        method=f"clustered by {groups} cases, t",
    )


def _one_case(every: Sequence[float], binary: bool, confidence: float) -> Estimate | None:
    n = len(every)
    mean = sum(every) / n
    if binary:
        found = wilson(round(sum(every)), n, confidence)
        assert found is not None
        return found.model_copy(update={"method": "wilson, one case"})
    if n == 1:
        return None
    error = math.sqrt(sum((value - mean) ** 2 for value in every) / (n - 1) / n)
    half = t_quantile((1 + confidence) / 2, n - 1) * error
    return Estimate(
        value=mean, low=mean - half, high=mean + half, n=n, confidence=confidence,
        method="t, one case",
    )


def flakiness(trials: Sequence[float], confidence: float = 0.95) -> Estimate | None:
    """Return the chance that two trials of one case differ in passing (0 and 1).

    The value is the unbiased 2 c (n - c) / (n (n - 1)) for c passes of n, Gini's mean difference
    for 0 and 1; its interval holds 2 p (1 - p) for every p of Wilson's interval. None below two
    trials.
    """
    n, passes = len(trials), round(sum(trials))
    rate = wilson(passes, n, confidence)
    if n < 2 or rate is None:
        return None
    ends = [2 * p * (1 - p) for p in (rate.low, rate.high)]
    high = 0.5 if rate.low <= 0.5 <= rate.high else max(ends)
    value = 2 * passes * (n - passes) / (n * (n - 1))
    return Estimate(
        value=value, low=min(*ends, value), high=max(high, value), n=n, confidence=confidence,
        method="wilson, two trials differ",
    )


def pass_at_k(n: int, c: int, k: int) -> float | None:
    """Return the chance that at least one of k trials passes, from c passes of n; None when n < k.

    1 - C(n - c, k) / C(n, k), unbiased: M. Chen et al., "Evaluating large language models trained
    on code" (2021), arXiv:2107.03374, equation 1.
    """
    _check_counts(n, c, k)
    return None if n < k else 1 - math.comb(n - c, k) / math.comb(n, k)


def pass_hat_k(n: int, c: int, k: int) -> float | None:
    """Return the chance that all of k trials pass, from c passes of n; None when n < k.

    C(c, k) / C(n, k), unbiased: S. Yao et al., "tau-bench" (2024), arXiv:2406.12045, 3.
    """
    _check_counts(n, c, k)
    return None if n < k else math.comb(c, k) / math.comb(n, k)


def _check_counts(n: int, c: int, k: int) -> None:
    if not 0 <= c <= n or k < 1:
        raise ValueError(f"needs 0 <= c <= n and k >= 1, not n={n}, c={c}, k={k}")
