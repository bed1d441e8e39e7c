"""A figure of confidence from a trial's signals, and how well it foretells verdicts.

    confidence = exp( sum w_i * ln(max(s_i, FLOOR)) / sum w_i )    over the signals that are there

a weighted geometric mean: one signal that is bad pulls the figure down, however good the others
are. A trial that did not complete has confidence 0; one without any signal has none. The weights
are set by hand and stand below; calibration against verdicts says what they are worth.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from agentdyno.core.estimate import Estimate
from agentdyno.core.trial import Outcome, Trial
from agentdyno.evals.signals import Signals, signals
from agentdyno.evals.stats import wilson

WEIGHTS = {
    "tool_success": 0.3, "schema_validity": 0.2, "citations": 0.2, "steadiness": 0.1,
    "agreement": 0.2,
}
FLOOR = 0.05
"""What a signal of 0 counts as: one signal alone does not decide."""
BINS = 10


def confidence(trial: Trial, known: Signals | None = None) -> float | None:
    """Return the confidence in `trial` from 0 to 1; None when there is nothing to tell it by.

    Args:
        known: its signals, where they have been worked out already.
    """
    if trial.outcome is not Outcome.COMPLETED:
        return 0.0
    found = {
        name: value for name, value in asdict(known or signals(trial)).items() if value is not None
    }
    if not found:
        return None
    weight = sum(WEIGHTS[name] for name in found)
    total = sum(WEIGHTS[name] * math.log(max(value, FLOOR)) for name, value in found.items())
    return math.exp(total / weight)


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Trials whose confidence lies in [low, high); the last bin holds 1 as well."""

    low: float
    high: float
    mean: float
    """Mean confidence of its trials."""
    passed: Estimate
    """Share of its trials that passed."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How the figure compares with what came of the trials."""

    n: int
    """Trials with a figure and a verdict."""
    without: int
    """Trials left out because there is nothing to tell a figure by."""
    brier: float
    """Mean squared difference of figure and outcome: 0 is perfect, 1 the worst."""
    base: float
    """The same for always foretelling the share that passed: what knowing nothing gets."""
    reliability: float
    """Mean squared distance between confidence and pass rate of the bins, weighted by size; 0 is
    calibrated."""
    bins: tuple[Bin, ...]
    """The reliability curve; bins without trials are left out."""

    @property
    def skill(self) -> float | None:
        """Return 1 - brier/base: above 0 is better than knowing nothing; None when all outcomes
        are equal, since then nothing can be foretold."""
        return 1 - self.brier / self.base if self.base else None


def calibrate(told: Sequence[tuple[float | None, bool]]) -> Calibration | None:
    """Return how well figures foretell whether trials pass; None when no trial has a figure.

    Sources: G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly
    Weather Review 78 (1950), 1-3, in its common form for two outcomes; A. H. Murphy, "A new vector
    partition of the probability score", Journal of Applied Meteorology 12 (1973), 595-600, for
    reliability, here over 10 bins of equal width.
    """
    pairs = [(figure, passed) for figure, passed in told if figure is not None]
    if not pairs:
        return None
    n = len(pairs)
    rate = sum(passed for _, passed in pairs) / n
    bins = tuple(
        found for at in range(BINS)
        if (found := _bin(at, [p for p in pairs if min(int(p[0] * BINS), BINS - 1) == at]))
    )
    return Calibration(
        n=n, without=len(told) - n, bins=bins,
        brier=sum((figure - passed) ** 2 for figure, passed in pairs) / n,
        base=rate * (1 - rate),
        reliability=sum(b.passed.n * (b.mean - b.passed.value) ** 2 for b in bins) / n,
    )


def _bin(at: int, pairs: Sequence[tuple[float, bool]]) -> Bin | None:
    passed = wilson(sum(passed for _, passed in pairs), len(pairs))
    if passed is None:
        return None
    mean = sum(figure for figure, _ in pairs) / len(pairs)
    return Bin(low=at / BINS, high=(at + 1) / BINS, mean=mean, passed=passed)
