"""Quantiles of Student's t distribution, without the second that scipy takes to import."""

import math
from functools import lru_cache
from statistics import NormalDist


@lru_cache(maxsize=4096)
def t_quantile(p: float, df: float) -> float:
    """Return the value below which Student's t with `df` degrees of freedom lies with chance `p`.

    Solved by Newton's method on the distribution function, which is computed by the continued
    fraction of the incomplete beta function: W. H. Press et al., Numerical Recipes, 3rd ed. (2007),
    6.4 and 6.14.3. Right to nine digits for df >= 1 and 1e-6 <= p <= 1 - 1e-6.

    Raises:
        ValueError: not 0 < p < 1, or df below 1.
    """
    if not 0 < p < 1 or df < 1:
        raise ValueError(f"needs 0 < p < 1 and df >= 1, not p={p} and df={df}")
    if p == 0.5:
        return 0.0
    if p < 0.5:
        return -t_quantile(1 - p, df)
    low, high = 0.0, max(2.0, 2 * NormalDist().inv_cdf(p))
    while t_cdf(high, df) < p:
        low, high = high, 2 * high
    t = (low + high) / 2
    for _ in range(200):
        off = t_cdf(t, df) - p
        low, high = (low, t) if off > 0 else (t, high)
        step = t - off / _t_density(t, df)
        new = step if low < step < high else (low + high) / 2
        if abs(new - t) <= 1e-12 * max(1.0, abs(new)):
            return new
        t = new
    return t


def t_cdf(t: float, df: float) -> float:
    """Return the chance that Student's t with `df` degrees of freedom is at most `t`."""
    tail = 0.5 * _beta(df / (df + t * t), df / 2, 0.5)
    return 1 - tail if t > 0 else tail


def _t_density(t: float, df: float) -> float:
    scale = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
    return math.exp(scale - (df + 1) / 2 * math.log1p(t * t / df))


def _beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
        + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    value = d
    for m in range(1, 1000):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + numerator * d
            c = 1 + numerator / c
            d = 1 / (d if abs(d) > tiny else tiny)
            c = c if abs(c) > tiny else tiny
            value *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return value
