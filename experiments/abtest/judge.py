"""What an experiment says of its variants, as it was planned to."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from agentdyno.core.experiment import Experiment
from agentdyno.evals.statistics.multiple import holm
from agentdyno.evals.statistics.paired import Paired, paired_difference, paired_ratio
from agentdyno.evals.statistics.sequential import METHOD, TEST, as_ratio, watch
from agentdyno.evals.statistics.verdict import bounds, decide
from agentdyno.experiments.abtest.design import Design
from agentdyno.experiments.abtest.observed import (
    Observation,
    Round,
    coverage,
    rounds_of,
    scatters,
    values_by_case,
)
from agentdyno.experiments.abtest.reading import metric_of
from agentdyno.experiments.compare.metrics import Metric
from agentdyno.experiments.compare.nouns import Coverage

Word = Literal["better", "worse", "equal", "inconclusive", "running"]
GuardWord = Literal["holds", "broken", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """One metric of a variant against the baseline."""

    metric: str
    unit: str
    margin: float
    higher_is_better: bool
    paired: Paired | None
    """None while nothing may be said, or where no trial of both arms has the metric."""
    p: float | None = None
    """Adjusted for all variants (Holm); null for guards."""
    exact: bool = False
    """Whether there is no sampling noise, so that the numbers themselves decide."""


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """A guard metric of a variant, and whether it holds."""

    question: Question
    word: GuardWord
    """`holds`: it is shown not to be worse by more than the margin. `broken`: it is shown to be.
    `unknown`: neither."""


@dataclass(frozen=True, kw_only=True)
class ArmVerdict:
    """A variant against the baseline."""

    arm: str
    word: Word
    primary: Question
    guards: tuple[Guarded, ...]
    coverage: Coverage
    why: str = ""
    """What keeps the verdict from being another, where something does."""
    final: bool = False
    """Whether more trials are not going to change it."""

    @property
    def guards_hold(self) -> bool:
        """Tell whether every guard is shown to hold."""
        return all(one.word == "holds" for one in self.guards)


def judge(
    asked: Experiment, design: Design, arms: Mapping[str, Sequence[Observation]], *, complete: bool
) -> tuple[ArmVerdict, ...]:
    """Return the verdict of every variant.

    Args:
        arms: what was observed, by arm.
        complete: whether the whole size has run. Before, a test of fixed size says nothing.
    """
    return _Judge(asked, design, arms, complete).verdicts()


class _Judge:
    def __init__(
        self, asked: Experiment, design: Design, arms: Mapping[str, Sequence[Observation]],
        complete: bool,
    ) -> None:
        self._asked, self._design, self._arms, self._complete = asked, design, arms, complete
        self._silent = asked.stopping.rule == "fixed" and not complete
        self._coverage = {arm: coverage(arms.get(arm, ())) for arm in design.arms}
        self._exact = {
            arm: not design.draws and not scatters(arms.get(arm, ())) for arm in design.arms
        }

    def verdicts(self) -> tuple[ArmVerdict, ...]:
        """Return one verdict for each variant, their p-values adjusted together."""
        arms = self._design.challengers
        metric = metric_of(self._asked.metric)
        higher = metric.higher_is_better
        if self._asked.better is not None:
            higher = self._asked.better == "higher"
        margin = metric.margin if self._asked.margin is None else self._asked.margin
        found = {arm: self._question(arm, metric, margin, higher) for arm in arms}
        adjusted = dict(zip(arms, holm([
            1.0 if (pair := found[arm].paired) is None else pair.p for arm in arms
        ]), strict=True))
        return tuple(self._verdict(arm, found[arm], adjusted[arm]) for arm in arms)

    def _verdict(self, arm: str, question: Question, p: float) -> ArmVerdict:
        question = replace(question, p=None if question.paired is None else p)
        guards = tuple(
            self._guard(arm, name, margin) for name, margin in self._asked.guards.items()
        )
        why = self._why(arm, question)
        word: Word = "inconclusive"
        if not why and question.paired is not None:
            word = decide(
                question.paired, margin=question.margin, p=p, exact=question.exact,
                higher_is_better=question.higher_is_better, alpha=self._asked.alpha,
            )
        settled = word in ("better", "equal") and (
            all(one.word == "holds" for one in guards) or any(o.word == "broken" for o in guards)
        )
        final = self._complete or word == "worse" or settled
        if self._silent or (word == "inconclusive" and not final):
            word = "running"
        return ArmVerdict(
            arm=arm, word=word, primary=question, guards=guards, coverage=self._coverage[arm],
            why=why, final=final and not self._silent,
        )

    def _why(self, arm: str, question: Question) -> str:
        if self._silent:
            return "a test of fixed size is judged once, when all of it has run"
        for name in (self._design.baseline, arm):
            found = self._coverage[name]
            if found.trials and found.share < self._asked.min_coverage:
                return (f"only {found.counted} of {found.trials} trials of {name} count;"
                        f" {self._asked.min_coverage:.0%} are needed")
        if question.paired is None:
            return f"no case has {question.metric} in both arms"
        return ""

    def _guard(self, arm: str, name: str, margin: float) -> Guarded:
        metric = metric_of(name)
        question = self._question(arm, metric, margin, metric.higher_is_better)
        return Guarded(question=question, word=self._guard_word(arm, question))

    def _guard_word(self, arm: str, question: Question) -> GuardWord:
        paired = question.paired
        if paired is None or self._why(arm, question):
            return "unknown"
        worst, best = paired.difference.low, paired.difference.high
        if question.exact:
            worst = best = paired.difference.value
        low, high = bounds(paired, question.margin)
        if question.higher_is_better:
            return "holds" if worst >= low else "broken" if best < low else "unknown"
        return "holds" if best <= high else "broken" if worst > high else "unknown"

    def _question(self, arm: str, metric: Metric, margin: float, higher: bool) -> Question:
        exact = self._exact[arm] and self._exact[self._design.baseline] and not metric.measured
        return Question(
            metric=metric.name, unit=metric.unit, margin=margin, higher_is_better=higher,
            paired=None if self._silent else self._paired(arm, metric), exact=exact,
        )

    def _paired(self, arm: str, metric: Metric) -> Paired | None:
        a, b = (self._arms.get(name, ()) for name in (self._design.baseline, arm))
        if self._asked.stopping.rule == "sequential":
            return _watched(rounds_of(a, b, metric), metric, self._asked.alpha)
        one, two = values_by_case(a, metric.name), values_by_case(b, metric.name)
        confidence = 1 - self._asked.alpha
        if metric.kind == "ratio":
            return paired_ratio(one, two, seed=self._asked.seed, confidence=confidence)
        return paired_difference(one, two, seed=self._asked.seed, confidence=confidence)


def _watched(rounds: Sequence[Round], metric: Metric, alpha: float) -> Paired | None:
    found = watch([one.differences for one in rounds], alpha=alpha)
    if found is None:
        return None
    ratio, estimate = metric.kind == "ratio", found.difference
    if ratio:
        estimate = estimate.model_copy(update={
            "value": as_ratio(estimate.value), "low": as_ratio(estimate.low),
            "high": as_ratio(estimate.high), "method": f"{METHOD} of (b - a) / (a + b)",
        })
    pairs = sum(len(one.differences) for one in rounds)
    return Paired(
        a=_mean([one.a for one in rounds]), b=_mean([one.b for one in rounds]),
        difference=estimate, ratio=ratio, p=found.p, test=TEST,
        cases=len({case for one in rounds for case in one.differences}),
        trials_a=pairs, trials_b=pairs, mde=None,
    )


def _mean(rounds: Sequence[Mapping[str, float]]) -> float:
    cases: dict[str, list[float]] = {}
    for one in rounds:
        for case, value in one.items():
            cases.setdefault(case, []).append(value)
    return math.fsum(sum(some) / len(some) for some in cases.values()) / len(cases)


def verdict_json(verdict: ArmVerdict) -> dict[str, Any]:
    """Return a verdict as JSON; infinite bounds are null."""
    return {
        "arm": verdict.arm, "verdict": verdict.word, "final": verdict.final, "why": verdict.why,
        "primary": _question_json(verdict.primary),
        "guards": [
            {"word": one.word, **_question_json(one.question)} for one in verdict.guards
        ],
        "guards_hold": verdict.guards_hold,
        "trials": verdict.coverage.trials, "counted": verdict.coverage.counted,
    }


def _question_json(question: Question) -> dict[str, Any]:
    told: dict[str, Any] = {
        "metric": question.metric, "unit": question.unit, "margin": question.margin,
        "exact": question.exact, "p": question.p,
    }
    paired = question.paired
    if paired is None:
        return told
    estimate = paired.difference
    return told | {
        "baseline": paired.a, "variant": paired.b, "ratio": paired.ratio,
        "difference": _finite(estimate.value), "low": _finite(estimate.low),
        "high": _finite(estimate.high), "confidence": estimate.confidence,
        "method": estimate.method, "test": paired.test, "cases": paired.cases, "n": estimate.n,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
