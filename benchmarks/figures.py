"""Prints medians, spreads and targets in one form."""

from collections.abc import Sequence
from statistics import median


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return `median [min..max]`."""
    return f"{median(values):.{digits}f} [{min(values):.{digits}f}..{max(values):.{digits}f}]"


def target(met: bool, words: str) -> str:
    """Return a goal and whether it is met."""
    return f"goal {words}: {'met' if met else 'MISSED'}"
