"""How values come in: by case, one per trial."""

from collections.abc import Mapping, Sequence

Values = Mapping[str, Sequence[float]]
"""One value per trial, by case; a rate is 0 and 1."""


def means(values: Values) -> dict[str, float]:
    """Return the mean of each case that has trials."""
    return {case: sum(some) / len(some) for case, some in values.items() if some}


def is_binary(*arms: Values) -> bool:
    """Tell whether every value is 0 or 1."""
    return all(value in (0, 1) for arm in arms for some in arm.values() for value in some)
