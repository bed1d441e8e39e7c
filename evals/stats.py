"""Intervals for aggregates. What is undefined is `None`, never 0."""

from statistics import NormalDist

from agentdyno.core.estimate import Estimate


def wilson(successes: int, n: int, confidence: float = 0.95) -> Estimate | None:
    """Return the share of successes with Wilson's score interval; `None` when `n` is 0.

    The interval holds every p that a two-sided score test at level 1 - confidence does not reject:
    |successes/n - p| <= z * sqrt(p * (1 - p) / n). It has no continuity correction.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (1927), 209-212; method 3 of R. G. Newcombe,
    "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998),
    857-872.

    Raises:
        ValueError: not 0 <= successes <= n, or not 0 < confidence < 1.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"successes must lie between 0 and n={n}, not be {successes}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not be {confidence}")
    if n == 0:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / n
    scale = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z / scale * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return Estimate(
        value=share,
        low=0.0 if successes == 0 else centre - half,
        high=1.0 if successes == n else centre + half,
        n=n, method="wilson", confidence=confidence,
    )
