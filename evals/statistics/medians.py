"""Medians."""

import math
from collections.abc import Sequence
from statistics import median

from agentdyno.core.estimate import Estimate


def median_of(values: Sequence[float], confidence: float = 0.95) -> Estimate | None:
    """Return the median of `values` with the narrowest pair of order statistics around it, equally
    far from both ends, that covers the true one at least with `confidence`; None of no values.

    With few values no pair does: the interval then reaches from the least to the greatest, and
    `confidence` says how little that is. It knows nothing of cases, and assumes that values are
    drawn independently.

    Source: W. J. Conover, Practical Nonparametric Statistics (3rd ed., 1999), 3.2: the number of
    values below the median is binomial with p = 1/2.
    """
    if not values:
        return None
    ordered = sorted(values)
    n = len(ordered)
    depth, covered = _depth(n, confidence)
    return Estimate(
        value=median(ordered), low=ordered[depth], high=ordered[n - 1 - depth], n=n,
        method="median, order statistics", confidence=min(covered, 1 - 1e-12),
    )


def _depth(n: int, confidence: float) -> tuple[int, float]:
    """Return how many values may be left out at each end, and what the rest covers."""
    depth, tail, covered = 0, 0.0, 1 - 2 ** (1 - n) if n > 1 else 1e-12
    for below in range((n - 1) // 2 + 1):
        tail += math.exp(
            math.lgamma(n + 1) - math.lgamma(below + 1) - math.lgamma(n - below + 1)
            - n * math.log(2)
        )
        # The interval from the value of place `below` on misses the median when at most `below`
        # values lie below it, or above it.
        if 1 - 2 * tail < confidence:
            break
        depth, covered = below, 1 - 2 * tail
    return depth, covered
