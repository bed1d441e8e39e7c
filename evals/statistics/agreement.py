"""How far raters agree: people, judges, or a judge with people."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import permutations
from typing import Any, Literal

Level = Literal["nominal", "interval"]

_DISTANCE: Mapping[Level, Callable[[Any, Any], float]] = {
    "nominal": lambda one, other: float(one != other),
    "interval": lambda one, other: float(one - other) ** 2,
}


def krippendorff_alpha(
    ratings: Sequence[Sequence[Any]], level: Level = "nominal"
) -> float | None:
    """Return Krippendorff's alpha: 1 is perfect agreement, 0 what chance gives.

    1 - observed / expected disagreement, over units that at least two raters rated. None when there
    is no such unit, or when nothing varies: then agreement cannot be told from a habit.

    Source: K. Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), C and D.

    Args:
        ratings: one sequence of ratings per unit; missing ones are left out of it.
        level: `nominal` for labels, `interval` for numbers.
    """
    distance = _DISTANCE[level]
    units = [unit for unit in ratings if len(unit) > 1]
    values = [value for unit in units for value in unit]
    n = len(values)
    if not units:
        return None
    observed = sum(
        distance(one, other) / (len(unit) - 1)
        for unit in units for one, other in permutations(unit, 2)
    ) / n
    counts = Counter(values)
    expected = sum(
        counts[one] * counts[other] * distance(one, other)
        for one in counts for other in counts
    ) / (n * (n - 1))
    return None if expected == 0 else 1 - observed / expected


def cohen_kappa(one: Sequence[Hashable], other: Sequence[Hashable]) -> float | None:
    """Return Cohen's kappa of two raters on the same units; None when chance alone would agree.

    Source: J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
    Measurement 20 (1960), 37-46.

    Raises:
        ValueError: they did not rate the same number of units, or none.
    """
    if len(one) != len(other) or not one:
        raise ValueError(f"needs two ratings of every unit, not {len(one)} and {len(other)}")
    n = len(one)
    observed = sum(a == b for a, b in zip(one, other, strict=True)) / n
    ones, others = Counter(one), Counter(other)
    chance = sum(ones[label] * others[label] for label in ones) / n**2
    return None if chance == 1 else (observed - chance) / (1 - chance)
