"""From numbers to words: better, worse, equal within a margin, or not known."""

from collections.abc import Sequence
from typing import Literal

from agentdyno.evals.statistics.paired import ALPHA, Paired

Word = Literal["better", "worse", "equal", "inconclusive"]


def decide(
    paired: Paired, *, margin: float, higher_is_better: bool, p: float | None = None,
    exact: bool = False, alpha: float = ALPHA,
) -> Word:
    """Return what can be said of arm `b` against arm `a`.

    `equal`: the whole interval lies within the margin (two one-sided tests, at half of alpha each).
    `better`, `worse`: p is below alpha and the interval is not within the margin. `inconclusive`:
    neither can be said. Without sampling noise (`exact`) the numbers themselves decide.

    Source: D. J. Schuirmann, "A comparison of the two one-sided tests procedure and the power
    approach", Journal of Pharmacokinetics and Biopharmaceutics 15 (1987), 657-680.

    Args:
        margin: largest difference that does not matter, in the metric's unit; of a ratio the part
            by which it may be off, 0.1 for ten percent.
        p: the p-value adjusted for all comparisons; the pair's own when absent.
    """
    low, high = bounds(paired, margin)
    value, interval = paired.difference.value, paired.difference
    neutral = 1.0 if paired.ratio else 0.0
    rises: Word = "better" if higher_is_better else "worse"
    falls: Word = "worse" if higher_is_better else "better"
    if exact:
        return "equal" if low <= value <= high else rises if value > neutral else falls
    if low <= interval.low and interval.high <= high:
        return "equal"
    if (paired.p if p is None else p) < alpha:
        return rises if value > neutral else falls
    return "inconclusive"


def bounds(paired: Paired, margin: float) -> tuple[float, float]:
    """Return the differences, or ratios, between which nothing matters."""
    return (1 / (1 + margin), 1 + margin) if paired.ratio else (-margin, margin)


def not_inferior(paired: Paired, *, margin: float, higher_is_better: bool) -> bool:
    """Tell whether the interval rules out that `b` is worse than `a` by more than the margin."""
    low, high = bounds(paired, margin)
    interval = paired.difference
    return interval.low >= low if higher_is_better else interval.high <= high


def is_exact(wires: Sequence[Sequence[str]]) -> bool:
    """Tell whether trials have no sampling noise: within each case all wire logs are the same.

    Args:
        wires: for each case the fingerprints of its trials' wire logs.
    """
    return bool(wires) and all(len(set(case)) == 1 for case in wires if case)


def chance_words(p: float | None) -> str:
    """Return a p-value as it is printed: "–" for none, and never as if it were nought."""
    if p is None:
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.3f}"
