"""Numbers then and now -> pass, regression, improved or inconclusive.

A runner has one line for each metric and each family of checks. All lines that scatter are judged
at once: their p-values are adjusted by Holm's method, so that a gate at alpha 0.05 cries wolf over
no change at all in at most one run of twenty, however many lines it has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agentdyno.core.estimate import Estimate
from agentdyno.core.noun import Noun
from agentdyno.evals.statistics.multiple import holm
from agentdyno.evals.statistics.paired import (
    ALPHA,
    RESAMPLES,
    Paired,
    paired_difference,
    paired_ratio,
)
from agentdyno.evals.statistics.values import Values, means
from agentdyno.evals.statistics.verdict import decide, not_inferior

Word = Literal["pass", "regression", "improved", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """One metric of one runner, before and now."""

    runner: str
    metric: str
    """A metric's name, or `check:FAMILY`."""
    higher_is_better: bool
    ratio: bool
    margin: float
    """What does not matter."""
    named: bool
    """Whether the suite gives the margin."""
    before: Values
    now: Values
    exact: bool = False
    """Whether nothing scatters: scripted or replayed, and what was sent is the same each time."""
    why: str = ""
    """What forbids a verdict, such as a coverage that is too low."""


class GateLine(Noun):
    """What is said about one metric of one runner."""

    runner: str
    metric: str
    verdict: Word
    before: float | None
    """Mean over cases."""
    now: float | None
    difference: Estimate | None
    """`now` - `before`, or `now` / `before`, with its interval; null where nothing scatters."""
    ratio: bool
    p: float | None
    """Adjusted for everything that is judged at once; null where nothing scatters."""
    margin: float
    cases: int
    trials_before: int
    trials_now: int
    mde: float | None
    """Smallest true difference, or factor, that this size would show with power 0.8 when judged
    alone."""
    method: str
    """How p was computed; `exact` where nothing scatters."""
    why: str = ""

    @property
    def name(self) -> str:
        """Return how people are told of it."""
        return f"{self.runner} {self.metric}"


def judge(
    questions: Sequence[Question], *, alpha: float = ALPHA, seed: int = 0,
    resamples: int = RESAMPLES,
) -> tuple[GateLine, ...]:
    """Return a line for each question, in order."""
    paired = [
        None if one.exact else _paired(one, seed=seed, resamples=resamples) for one in questions
    ]
    scattering = [found[0].p for found in paired if found]
    adjusted = iter(holm(scattering))
    return tuple(
        _exact_line(one) if found is None else _line(one, *found, next(adjusted), alpha)
        for one, found in zip(questions, paired, strict=True)
    )


def _paired(question: Question, *, seed: int, resamples: int) -> tuple[Paired, float] | None:
    """Return the comparison and the margin on its scale; None without a case in common.

    A quantity that is 0 somewhere has no ratio: its difference is then taken, and the margin is
    that part of the mean before.
    """
    a, b = question.before, question.now
    if question.ratio:
        ratio = paired_ratio(a, b, seed=seed, resamples=resamples)
        if ratio is not None and not ratio.left_out:
            return ratio, question.margin
    found = paired_difference(a, b, seed=seed, resamples=resamples)
    if found is None:
        return None
    return found, question.margin * found.a if question.ratio else question.margin


def _line(question: Question, paired: Paired, margin: float, p: float, alpha: float) -> GateLine:
    higher = question.higher_is_better
    word = decide(paired, margin=margin, higher_is_better=higher, p=p, alpha=alpha)
    verdict: Word = "inconclusive"
    why = question.why
    if not why:
        if not_inferior(paired, margin=margin, higher_is_better=higher):
            verdict = "improved" if word == "better" else "pass"
        elif word == "worse":
            verdict = "regression"
        elif word == "better":
            verdict = "improved"
        else:
            why = "too few trials to rule out a change beyond the margin"
    return GateLine(
        runner=question.runner, metric=question.metric, verdict=verdict, before=paired.a,
        now=paired.b, difference=paired.difference, ratio=paired.ratio, p=p, margin=margin,
        cases=paired.cases, trials_before=paired.trials_a, trials_now=paired.trials_b,
        mde=paired.mde, method=paired.test, why=why,
    )


def _exact_line(question: Question) -> GateLine:
    """Judge by the numbers themselves. A rate that fell is a regression, however little, unless the
    suite itself gives a margin: nothing but a change explains it."""
    common = [case for case, some in question.before.items() if some and question.now.get(case)]
    one, other = ({case: arm[case] for case in common} for arm in (question.before, question.now))
    line = GateLine(
        runner=question.runner, metric=question.metric, verdict="inconclusive", before=None,
        now=None, difference=None, ratio=question.ratio, p=None, margin=question.margin,
        cases=len(common), trials_before=_count(one), trials_now=_count(other), mde=None,
        method="exact", why=question.why or "no case has a value on both sides",
    )
    if not common:
        return line
    before, now = (sum(means(arm).values()) / len(common) for arm in (one, other))
    margin = question.margin if question.ratio or question.named else 0.0
    known = {"before": before, "now": now, "margin": margin}
    if question.why:
        return line.model_copy(update=known)
    limit = before * margin if question.ratio else margin
    gain = now - before if question.higher_is_better else before - now
    slack = 1e-9 * max(abs(before), abs(now))
    verdict: Word = "regression" if gain < -limit - slack else (
        "improved" if gain > limit + slack else "pass"
    )
    return line.model_copy(update={**known, "verdict": verdict, "why": ""})


def without(question: Question, why: str) -> Question:
    """Return the question with what forbids its verdict."""
    return replace(question, why=question.why or why)


def _count(values: Mapping[str, Sequence[float]]) -> int:
    return sum(map(len, values.values()))
