"""Two arms on the same cases: how far apart they are, and how sure that is.

The unit is the case: the difference of a case is that of the means of its trials, and all cases
weigh the same.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from agentdyno.core.estimate import Estimate
from agentdyno.evals.statistics.bootstrap import Resamples
from agentdyno.evals.statistics.student import t_quantile
from agentdyno.evals.statistics.values import Values, is_binary, means

RESAMPLES = 10_000
"""Signs that a test draws."""
BOOTSTRAPS = 2_000
"""Resamples of an interval: its ends then lie within a hundredth of their share."""
_ENUMERATED = 14
"""Cases up to which all 2^n signs are tried instead of drawn."""
ALPHA, POWER = 0.05, 0.8


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Arm `b` against arm `a` on the cases that both have."""

    a: float
    """Mean of the cases' means; the geometric one for a ratio."""
    b: float
    difference: Estimate
    """`b` - `a`, or `b` / `a` for a ratio."""
    ratio: bool = False
    p: float
    """Two-sided chance of a difference as large if the arms were exchangeable."""
    test: str
    """How `p` was computed."""
    cases: int
    trials_a: int
    trials_b: int
    mde: float | None
    """Smallest true difference that this many cases with this much scatter would show with power
    0.8 at level 0.05; for a ratio the factor, above 1. None where the scatter is unknown."""
    left_out: int = 0
    """Trials without a logarithm, left out of a ratio."""


def paired_difference(
    a: Values, b: Values, *, seed: int = 0, resamples: int = RESAMPLES, confidence: float = 0.95
) -> Paired | None:
    """Return `b` - `a` over the cases that both have; None without any.

    The interval is Student's over the cases' differences. The p-value is that of a sign-flip
    permutation test over cases, and of the exact McNemar test where every case has one trial of 0
    or 1 in each arm. Where all differences of rates are equal their scatter says nothing, and the
    interval reaches as far as a case unlike all seen could move it (see `_unseen`). A single case
    is compared trial by trial: permutation of trials, Welch's interval.

    Sources: R. A. Fisher, The Design of Experiments (1935), section 21, for the sign-flip test; B.
    Phipson and G. K. Smyth, "Permutation p-values should never be zero", Statistical Applications
    in Genetics and Molecular Biology 9 (2010), article 39; Q. McNemar, "Note on the sampling error
    of the difference between correlated proportions", Psychometrika 12 (1947), 153-157.
    """
    one, two = _common(a, b)
    if not one:
        return None
    if len(one) == 1:
        return _single_case(one, two, seed, resamples, confidence)
    mean_a, mean_b = means(one), means(two)
    differences = [mean_b[case] - mean_a[case] for case in one]
    single = all(len(arm[case]) == 1 for arm in (one, two) for case in one)
    if is_binary(one, two) and single:
        p, test = mcnemar(differences), "McNemar, exact"
    else:
        p, test = sign_flip(differences, seed=seed, resamples=resamples)
    interval, error = _student(differences, confidence, is_binary(one, two))
    return Paired(
        a=_mean(list(mean_a.values())), b=_mean(list(mean_b.values())), difference=interval,
        p=p, test=test, mde=_detectable(error, len(differences)), **_sizes(one, two),
    )


def paired_ratio(
    a: Values, b: Values, *, seed: int = 0, resamples: int = RESAMPLES, confidence: float = 0.95,
    bootstraps: int = BOOTSTRAPS, drawn: Resamples | None = None,
) -> Paired | None:
    """Return the geometric mean ratio `b` / `a` over the cases that both have; None without any.

    The interval is the percentile interval of a hierarchical bootstrap of logarithms: cases are
    drawn, then trials within each. The p-value is that of a sign-flip test over cases. Values that
    are not above 0 have no logarithm and are left out.

    Source: A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application (1997), 3.8.

    Args:
        drawn: resamples to share among many comparisons; used where the cases are its own.
    """
    one, two = _common(a, b)
    logs_a, logs_b = _logs(one), _logs(two)
    left_out = _count(one) + _count(two) - _count(logs_a) - _count(logs_b)
    logs_a, logs_b = _common(logs_a, logs_b)
    if not logs_a:
        return None
    mean_a, mean_b = means(logs_a), means(logs_b)
    differences = [mean_b[case] - mean_a[case] for case in logs_a]
    if len(differences) == 1:
        p, test = _permuted(*(next(iter(arm.values())) for arm in (logs_a, logs_b)),
                            seed=seed, resamples=resamples)
    else:
        p, test = sign_flip(differences, seed=seed, resamples=resamples)
    if drawn is None or drawn.cases != tuple(logs_a):
        drawn = Resamples(tuple(logs_a), seed=seed, resamples=bootstraps)
    low, high = drawn.interval(logs_a, logs_b, confidence, (a, b))
    error = _error(differences)
    factor = _detectable(error, len(differences))
    return Paired(
        a=math.exp(_mean(list(mean_a.values()))), b=math.exp(_mean(list(mean_b.values()))),
        difference=Estimate(
            value=math.exp(_mean(differences)), low=math.exp(low), high=math.exp(high),
            n=_count(logs_a) + _count(logs_b), method="hierarchical bootstrap of logarithms",
            confidence=confidence, seed=seed,
        ),
        ratio=True, p=p, test=test, mde=None if factor is None else math.exp(factor),
        left_out=left_out, **_sizes(logs_a, logs_b),
    )


def sign_flip(
    differences: Sequence[float], *, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, str]:
    """Return the two-sided p-value of the mean of `differences`, and how it was computed.

    Under the null hypothesis each case's difference is as likely with the other sign. All signs are
    tried for up to 14 cases that differ; beyond, `resamples` are drawn, and the observed one counts
    as drawn too.
    """
    import numpy as np

    moved = [value for value in differences if value]
    if not moved:
        return 1.0, "sign flip, exact"
    # Where signs are drawn, cases without a difference stay: one draw then serves all metrics.
    some = moved if len(moved) <= _ENUMERATED else differences
    signs, exact = _signs(len(some), seed, resamples)
    observed = abs(sum(moved))
    # Not `@`: BLAS would burn a second core on a product that takes a millisecond.
    sums = np.abs(np.einsum("rc,c->r", signs, np.array(some, dtype=np.float32)))
    # Sums that are equal in theory differ in their last bits.
    as_large = int(np.count_nonzero(sums >= observed * (1 - 1e-5)))
    if exact:
        return as_large / len(sums), "sign flip, exact"
    return (as_large + 1) / (len(sums) + 1), f"sign flip, {resamples} drawn, seed {seed}"


@lru_cache(maxsize=8)
def _signs(count: int, seed: int, resamples: int) -> tuple[Any, bool]:
    import numpy as np

    if count <= _ENUMERATED:
        bits = np.arange(2**count)[:, None] >> np.arange(count)
        return (1 - 2 * (bits & 1)).astype(np.float32), True
    generator = np.random.default_rng(seed)
    coins = np.unpackbits(np.frombuffer(generator.bytes(resamples * -(-count // 8)), np.uint8))
    drawn = coins.reshape(resamples, -1)[:, :count].astype(np.float32)
    drawn *= -2
    drawn += 1
    return drawn, False


def mcnemar(differences: Sequence[float]) -> float:
    """Return the exact two-sided p-value of McNemar's test from differences of -1, 0 and 1."""
    better = sum(value > 0 for value in differences)
    worse = sum(value < 0 for value in differences)
    n = better + worse
    tail = sum(math.comb(n, k) for k in range(min(better, worse) + 1)) / 2**n
    return float(min(1.0, 2 * tail))


def _student(
    differences: Sequence[float], confidence: float, binary: bool
) -> tuple[Estimate, float | None]:
    n, mean = len(differences), _mean(differences)
    error = _error(differences)
    if error:
        half, method = t_quantile((1 + confidence) / 2, n - 1) * error, "t over cases"
    elif binary:
        half, method = _unseen(n, confidence), "no case differs from the others, exact bound"
    else:
        half, method = 0.0, "no scatter between cases"
    low, high = mean - half, mean + half
    if binary:
        low, high = max(-1.0, low), min(1.0, high)
    estimate = Estimate(
        value=mean, low=low, high=high, n=n, confidence=confidence, method=method
    )
    return estimate, error or (None if not binary else half / t_quantile(0.975, n - 1))


def _unseen(n: int, confidence: float) -> float:
    """Return the largest share of cases that may be unlike all `n` seen ones: the upper bound of C.
    J. Clopper and E. S. Pearson, Biometrika 26 (1934), 404-413, for 0 of n."""
    return float(1 - ((1 - confidence) / 2) ** (1 / n))


def _single_case(
    one: Values, two: Values, seed: int, resamples: int, confidence: float
) -> Paired | None:
    (a,), (b,) = one.values(), two.values()
    p, test = _permuted(a, b, seed=seed, resamples=resamples)
    difference = _mean(b) - _mean(a)
    error = math.sqrt(sum(_variance(arm) / len(arm) for arm in (a, b)))
    df = max(1.0, float(len(a) + len(b) - 2))
    half = t_quantile((1 + confidence) / 2, df) * error
    method = "t over the trials of one case"
    if is_binary(one, two) and not error:
        half, method = _unseen(min(len(a), len(b)), confidence), "one case, exact bound"
    return Paired(
        a=_mean(a), b=_mean(b), p=p, test=test,
        difference=Estimate(
            value=difference, low=difference - half, high=difference + half,
            n=len(a) + len(b), confidence=confidence, method=method,
        ),
        mde=None, **_sizes(one, two),
    )


def _permuted(
    a: Sequence[float], b: Sequence[float], *, seed: int, resamples: int
) -> tuple[float, str]:
    """Return the p-value of the difference of means when trials change arms at random."""
    import numpy as np

    every = np.array([*a, *b], dtype=float)
    observed = abs(_mean(b) - _mean(a))
    draws = np.random.default_rng(seed).permuted(np.tile(every, (resamples, 1)), axis=1)
    moved = np.abs(draws[:, len(a):].mean(axis=1) - draws[:, :len(a)].mean(axis=1))
    as_large = int((moved >= observed * (1 - 1e-9)).sum())
    test = f"permutation of trials, {resamples} drawn, seed {seed}"
    return (as_large + 1) / (resamples + 1), test


def _detectable(error: float | None, cases: int) -> float | None:
    """Return (t_alpha + t_power) * error: H. S. Bloom, "Minimum detectable effects", Evaluation
    Review 19 (1995), 547-556."""
    if not error or cases < 2:
        return None
    return (t_quantile(1 - ALPHA / 2, cases - 1) + t_quantile(POWER, cases - 1)) * error


def _error(differences: Sequence[float]) -> float | None:
    n = len(differences)
    if n < 2:
        return None
    return math.sqrt(_variance(differences) / n)


def _variance(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    mean = _mean(values)
    return math.fsum([(value - mean) ** 2 for value in values]) / (len(values) - 1)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _common(a: Values, b: Values) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    cases = [case for case, some in a.items() if some and b.get(case)]
    return {c: [*map(float, a[c])] for c in cases}, {c: [*map(float, b[c])] for c in cases}


def _logs(values: Values) -> dict[str, list[float]]:
    return {case: [math.log(v) for v in some if v > 0] for case, some in values.items()}


def _count(values: Values) -> int:
    return sum(map(len, values.values()))


def _sizes(a: Values, b: Values) -> dict[str, Any]:
    return {"cases": len(a), "trials_a": _count(a), "trials_b": _count(b)}
