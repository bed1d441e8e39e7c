"""A judge's scores held against human labels: agreement, and what else moves the scores."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentdyno.core.estimate import Estimate
from agentdyno.evals.statistics.agreement import cohen_kappa, krippendorff_alpha
from agentdyno.evals.statistics.student import t_quantile
from agentdyno.evals.stats import wilson

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Rated:
    """One case as people and a judge see it."""

    labels: tuple[float, ...]
    """From 0 to 1, one per person."""
    score: float
    length: int
    """Characters of the answer."""
    reversed_score: float | None = None
    """Score with the evidence in reverse order; null where that was not asked."""

    @property
    def label(self) -> float:
        """Return the mean label."""
        return math.fsum(self.labels) / len(self.labels)

    def passes(self, threshold: float) -> bool | None:
        """Return what people say: by majority of yes and no, else by their mean; None for a tie."""
        if set(self.labels) <= {0.0, 1.0}:
            return None if self.label == 0.5 else self.label > 0.5
        return self.label >= threshold


def quality(rated: Sequence[Rated], threshold: float) -> dict[str, Any]:
    """Return the fields of a `Calibration` that `rated` tell.

    Args:
        threshold: from which score on the judge says pass.
    """
    said = [(one.passes(threshold), one.score >= threshold) for one in rated]
    pairs = [(people, judge) for people, judge in said if people is not None]
    people, judge = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    moved = [one.reversed_score - one.score for one in rated if one.reversed_score is not None]
    errors = [one.score - one.label for one in rated]
    return {
        "cases": len(rated),
        "undecided": len(said) - len(pairs),
        "agreement": wilson(sum(a == b for a, b in pairs), len(pairs), CONFIDENCE),
        "kappa": cohen_kappa(people, judge) if pairs else None,
        "alpha": krippendorff_alpha([(one.label, one.score) for one in rated], "interval"),
        "human_alpha": krippendorff_alpha([one.labels for one in rated], "interval"),
        "error": mean(errors),
        "length": slope([math.log2(max(1, one.length)) for one in rated], errors),
        "position": mean(moved),
    }


def mean(values: Sequence[float]) -> Estimate | None:
    """Return the mean with Student's interval; None of fewer than two values.

    Source: "Student", "The probable error of a mean", Biometrika 6 (1908), 1-25.
    """
    n = len(values)
    if n < 2:
        return None
    centre = math.fsum(values) / n
    error = math.sqrt(math.fsum((value - centre) ** 2 for value in values) / (n - 1) / n)
    return _interval(centre, error, n, df=n - 1, method="one sample t")


def slope(xs: Sequence[float], ys: Sequence[float]) -> Estimate | None:
    """Return by how much y rises with x, by least squares; None without three points and two xs.

    Source: N. R. Draper and H. Smith, Applied Regression Analysis, 3rd ed. (1998), 1.4.
    """
    n = len(xs)
    if n < 3:
        return None
    x0, y0 = math.fsum(xs) / n, math.fsum(ys) / n
    spread = math.fsum((x - x0) ** 2 for x in xs)
    if spread < 1e-9:
        return None
    rise = math.fsum((x - x0) * (y - y0) for x, y in zip(xs, ys, strict=True)) / spread
    left = math.fsum((y - y0 - rise * (x - x0)) ** 2 for x, y in zip(xs, ys, strict=True))
    error = math.sqrt(left / (n - 2) / spread)
    return _interval(rise, error, n, df=n - 2, method="least squares, t")


def _interval(value: float, error: float, n: int, *, df: int, method: str) -> Estimate:
    half = t_quantile((1 + CONFIDENCE) / 2, df) * error
    return Estimate(value=value, low=value - half, high=value + half, n=n, method=method,
                    confidence=CONFIDENCE)
