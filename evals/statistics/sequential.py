"""A test of paired differences that may be looked at after every round, as often as one likes.

A round is one repeat of every case on both arms. Its observations are differences between -1 and 1,
one per case. Somebody who holds that the mean over cases is at most m is offered a fair bet: before
the first round a gambler stakes the share c of his wealth on every difference being larger. With
y = (d + 1) / 2 and u = (m + 1) / 2 the wealth is the product of 1 - c + c y / u over all
differences. If he gets rich, the mean is larger than m: the chance that his wealth ever reaches k,
at whichever round, is at most 1 / k (Ville's inequality).

The bet is fair for cases of any kind, also where single cases differ in truth and only their mean
is m. Within a round the cases are independent of each other, so the expected factor of a round is
the product of 1 - c + c E[y] / u, and that is at most 1 by the inequality of arithmetic and
geometric means, as the mean of E[y] over cases is at most u.

As nobody knows the best c beforehand, the wealth is spread over a grid of them; the other direction
is bet on likewise, with half of alpha for each.

Sources: I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by betting",
Journal of the Royal Statistical Society B 86 (2024), 1-27, arXiv:2010.09686 (capital process,
diversified bets, hedging); J. Ville, Etude critique de la notion de collectif (1939).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from agentdyno.core.estimate import Estimate
from agentdyno.evals.statistics.paired import ALPHA, POWER

METHOD = "betting confidence sequence"
TEST = "betting e-process, any number of looks"
STAKES = tuple(0.05 * 19 ** (step / 9) for step in range(10))
"""Shares of the wealth that are staked: from 0.05 to 0.95, each 1.39 times the one before."""
_REGRET = 1.2
"""Logarithm of what the spread over `STAKES` costs, as the simulations of the tests find it."""
_PARTS, _STEPS = 4, 10
"""An interval's end is found by cutting what it may be in so many parts, so many times."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What can be said after the rounds so far, whenever one looks."""

    difference: Estimate
    """Mean over cases of their mean difference. The interval holds the truth at all looks at once
    with its confidence."""
    p: float
    """Two-sided; the chance that it is ever as small is at most itself."""


def watch(rounds: Sequence[Mapping[str, float]], *, alpha: float = ALPHA) -> Watched | None:
    """Return what can be said of differences that came in round by round; None without any.

    Args:
        rounds: the difference of each case, between -1 and 1, by case. A case may be missing from
            a round where the bench spoiled it, for reasons that its result has no part in.

    Raises:
        ValueError: a difference is not between -1 and 1.
    """
    import numpy as np

    looked = [[*one.values()] for one in rounds if one]
    if not looked:
        return None
    values, places = np.unique(np.concatenate([*map(np.array, looked)]), return_inverse=True)
    if np.abs(values).max() > 1 + 1e-12:
        raise ValueError("a difference is not between -1 and 1")
    # How often each value was seen by the end of each round: rates have three values.
    counts = np.zeros((len(looked), len(values)))
    np.add.at(counts, (np.repeat(np.arange(len(looked)), [*map(len, looked)]), places), 1)
    counts = counts.cumsum(axis=0)
    shares = (np.clip(values, -1, 1) + 1) / 2
    rich = math.log(2 / alpha)
    highest = max(float(_wealth(one, counts, [0.5])[0]) for one in (shares, 1 - shares))
    low = 2 * _bound(shares, counts, rich) - 1
    high = 1 - 2 * _bound(1 - shares, counts, rich)
    mean = _mean_of_cases(rounds)
    return Watched(
        difference=Estimate(
            value=mean, low=min(low, mean), high=max(high, mean), n=sum(map(len, looked)),
            method=METHOD, confidence=1 - alpha,
        ),
        p=min(1.0, 2 * math.exp(-highest)),
    )


def _wealth(shares: Any, counts: Any, means: Any) -> Any:
    """Return for each of `means` the logarithm of the highest wealth at the end of any round, from
    betting that the mean of `shares` is above it."""
    import numpy as np

    stakes = np.array(STAKES)[None, :, None]
    gains = np.log1p(stakes * (shares / np.asarray(means)[:, None, None] - 1))
    # Not `@`: BLAS would burn a second core on a product that takes a millisecond.
    wealth = np.einsum("msv,rv->mrs", gains, counts)
    top = wealth.max(axis=2)
    spread = top + np.log(np.exp(wealth - top[:, :, None]).mean(axis=2))
    return np.maximum(0.0, spread.max(axis=1))


def _bound(shares: Any, counts: Any, rich: float) -> float:
    """Return the largest mean, from 0 to 1, that betting on a larger one has refuted."""
    import numpy as np

    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        tried = np.linspace(low, high, _PARTS + 1)[1:-1]
        # The wealth falls as the mean that is bet against rises.
        refuted = int(np.count_nonzero(_wealth(shares, counts, tried) >= rich))
        low, high = low + refuted * (high - low) / _PARTS, (
            low + (refuted + 1) * (high - low) / _PARTS)
    return low


def _mean_of_cases(rounds: Sequence[Mapping[str, float]]) -> float:
    cases: dict[str, list[float]] = {}
    for one in rounds:
        for case, value in one.items():
            cases.setdefault(case, []).append(value)
    return math.fsum(sum(some) / len(some) for some in cases.values()) / len(cases)


def relative(a: float, b: float) -> float:
    """Return (b - a) / (a + b) of two quantities that are not negative: their ratio as a difference
    between -1 and 1; 0 where both are 0."""
    return (b - a) / (a + b) if a + b else 0.0


def as_ratio(difference: float) -> float:
    """Return the ratio b / a that `relative` makes `difference` of; infinite for 1."""
    return (1 + difference) / (1 - difference) if difference < 1 else math.inf


def pairs_needed(
    effect: float, variance: float, *, alpha: float = ALPHA, wanted: float = POWER
) -> int:
    """Return how many differences show a true mean `effect` with chance `wanted`, at the latest:
    larger effects end sooner.

    The logarithm of the wealth is about a Brownian motion: after n differences its mean is s^2 / 2
    and its variance s^2, with s = e sqrt(n / v). It has to reach b, log(2 / alpha) and what the
    spread of the stakes costs, which it has done by then with chance
    N(s / 2 - b / s) + e^b N(-s / 2 - b / s).

    Source: D. R. Cox and H. D. Miller, The Theory of Stochastic Processes (1965), 5.7, for the
    passage time.

    Args:
        variance: of one difference.

    Raises:
        ValueError: `effect` is 0.
    """
    if effect == 0:
        raise ValueError("no number of differences shows an effect of 0")
    target = math.log(2 / alpha) + _REGRET
    low, high = 0.0, 1.0
    while _reached(high, target) < wanted:
        low, high = high, 2 * high
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if _reached(middle, target) >= wanted else (middle, high)
    # Below this no wealth could grow enough even if every difference were the effect itself.
    least = target / math.log1p(max(STAKES) * min(abs(effect), 1.0))
    return math.ceil(max(high * high * variance / effect**2, least))


def _reached(s: float, target: float) -> float:
    """Return the chance that the wealth has reached `target` when its mean is s^2 / 2."""
    normal = NormalDist().cdf
    return normal(s / 2 - target / s) + math.exp(target) * normal(-s / 2 - target / s)
