"""Which item of one sequence stands for which of another."""

from collections.abc import Callable, Hashable, Sequence
from difflib import SequenceMatcher
from typing import TypeVar

Item = TypeVar("Item")
Pair = tuple[int | None, int | None]
"""Indexes on both sides; null where one side has nothing."""

_CELLS = 40_000
"""Comparisons beyond which what lies between equal items is paired by position alone."""


def align(
    left: Sequence[Item], right: Sequence[Item], *, key: Callable[[Item], Hashable],
    alike: Callable[[Item, Item], float], floor: float,
) -> list[Pair]:
    """Return pairs in order: equal items first, then the most alike between them.

    Args:
        key: equal for items that are the same.
        alike: similarity of two items, from 0 to 1.
        floor: similarity below which two items do not stand for each other.
    """
    keys = [key(item) for item in left], [key(item) for item in right]
    pairs: list[Pair] = []
    at = (0, 0)
    for i, j, size in SequenceMatcher(None, *keys, autojunk=False).get_matching_blocks():
        gap = [
            (x if x is None else x + at[0], y if y is None else y + at[1])
            for x, y in _between(left[at[0]:i], right[at[1]:j], alike, floor)
        ]
        pairs += [*gap, *((i + n, j + n) for n in range(size))]
        at = (i + size, j + size)
    return pairs


def _between(
    left: Sequence[Item], right: Sequence[Item], alike: Callable[[Item, Item], float], floor: float
) -> list[Pair]:
    """Return the order-preserving pairing with the largest sum of similarities above `floor`
    (Needleman and Wunsch's alignment with free gaps)."""
    n, m = len(left), len(right)
    if n * m > _CELLS:
        size = max(n, m)
        return [(k if k < n else None, k if k < m else None) for k in range(size)]
    scores = [[alike(one, other) - floor for other in right] for one in left]
    best = [[0.0] * (m + 1) for _ in range(n + 1)]
    for i in range(n - 1, -1, -1):
        for j in range(m - 1, -1, -1):
            both = scores[i][j] + best[i + 1][j + 1] if scores[i][j] > 0 else -1.0
            best[i][j] = max(both, best[i + 1][j], best[i][j + 1])
    pairs: list[Pair] = []
    i = j = 0
    while i < n and j < m:
        if scores[i][j] > 0 and best[i][j] == scores[i][j] + best[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            pairs.append((i, None))
            i += 1
        else:
            pairs.append((None, j))
            j += 1
    return [*pairs, *((k, None) for k in range(i, n)), *((None, k) for k in range(j, m))]
