"""Compares arms pair by pair: every metric, every slice, and the cases that flipped."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from agentdyno.core.trial import Trial
from agentdyno.evals.statistics.bootstrap import Resamples
from agentdyno.evals.statistics.multiple import holm
from agentdyno.evals.statistics.paired import (
    ALPHA,
    BOOTSTRAPS,
    RESAMPLES,
    Paired,
    paired_difference,
    paired_ratio,
)
from agentdyno.evals.statistics.values import Values
from agentdyno.evals.statistics.verdict import decide
from agentdyno.experiments.compare.flips import flips
from agentdyno.experiments.compare.metrics import (
    METRICS,
    OUT_OF_COUNT,
    Metric,
    check_metric,
    values_of,
)
from agentdyno.experiments.compare.nouns import Comparison, Coverage, Line, Slice
from agentdyno.experiments.fingerprint import nothing_scatters

MIN_COVERAGE = 0.9
"""Share of trials that must count on both arms; below it nothing is said."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """Trials that are compared as one."""

    name: str
    trials: Sequence[Trial]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What slices go by."""

    tags: tuple[str, ...] = ()
    pattern: str = ""
    difficulty: str = ""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How to compare."""

    margins: Mapping[str, float] = field(default_factory=dict)
    """Margins by metric, in place of the metrics' own."""
    facts: Mapping[str, Facts] = field(default_factory=dict)
    """What slices go by, by case."""
    checks: bool = True
    """Whether every check is a metric too."""
    seed: int = 0
    resamples: int = RESAMPLES
    alpha: float = ALPHA
    min_coverage: float = MIN_COVERAGE


def compare(arms: Sequence[Arm], rules: Rules | None = None) -> tuple[Comparison, ...]:
    """Return one comparison for each pair of arms, in order.

    p-values are adjusted over all pairs, metric by metric, and the metrics of checks among
    themselves as well: two dozen checks would else find a difference by chance.
    """
    return _Table(arms, rules or Rules()).comparisons()


def coverage(trials: Sequence[Trial]) -> Coverage:
    """Return how much of an arm counts, with the bounds of what the rest could change."""
    counted = [trial for trial in trials if trial.outcome not in OUT_OF_COUNT]
    passed = sum(_passed(trial) for trial in counted)
    n, spoiled = len(trials), len(trials) - len(counted)
    return Coverage(
        trials=n, counted=len(counted), passed=passed,
        best=(passed + spoiled) / n if n else None, worst=passed / n if n else None,
    )


def _passed(trial: Trial) -> bool:
    return bool(trial.verdicts) and all(verdict.status == "pass" for verdict in trial.verdicts)


class _Table:
    """All pairs of all metrics, so that p-values can be adjusted together."""

    def __init__(self, arms: Sequence[Arm], rules: Rules) -> None:
        self._arms, self._rules = arms, rules
        checks = {v.check for arm in arms for trial in arm.trials for v in trial.verdicts}
        self._metrics = [
            *METRICS.values(), *(map(check_metric, sorted(checks)) if rules.checks else ()),
        ]
        self._values = [values_of(arm.trials, self._metrics) for arm in arms]
        self._coverage = [coverage(arm.trials) for arm in arms]
        self._exact = [
            nothing_scatters([t for t in arm.trials if t.outcome not in OUT_OF_COUNT])
            for arm in arms
        ]
        self._resamples: dict[tuple[str, ...], Resamples] = {}

    def comparisons(self) -> tuple[Comparison, ...]:
        """Return the comparison of each pair."""
        pairs = list(combinations(range(len(self._arms)), 2))
        found = {
            (pair, metric.name): self._paired(metric, *(self._values[at][metric.name]
                                                         for at in pair))
            for pair in pairs for metric in self._metrics
        }
        adjusted = _adjusted(found)
        return tuple(
            self._comparison(pair, {m.name: found[pair, m.name] for m in self._metrics},
                             {m.name: adjusted.get((pair, m.name)) for m in self._metrics})
            for pair in pairs
        )

    def _paired(self, metric: Metric, a: Values, b: Values) -> Paired | None:
        rules = self._rules
        if metric.kind == "difference":
            return paired_difference(a, b, seed=rules.seed, resamples=rules.resamples)
        cases = tuple(case for case in a if case in b)
        if cases and cases not in self._resamples:
            self._resamples[cases] = Resamples(cases, seed=rules.seed, resamples=BOOTSTRAPS)
        return paired_ratio(
            a, b, seed=rules.seed, resamples=rules.resamples, drawn=self._resamples.get(cases)
        )

    def _comparison(
        self, pair: tuple[int, int], found: Mapping[str, Paired | None],
        adjusted: Mapping[str, float | None],
    ) -> Comparison:
        one, other = (self._arms[at] for at in pair)
        exact = all(self._exact[at] for at in pair)
        lines = tuple(
            self._line(metric, found[metric.name], adjusted[metric.name], pair, exact)
            for metric in self._metrics
            if any(any(some) for at in pair for some in self._values[at][metric.name].values())
            or (metric.kind == "difference" and any(self._values[at][metric.name] for at in pair))
        )
        values = [self._values[at] for at in pair]
        return Comparison(
            a=one.name, b=other.name, coverage_a=self._coverage[pair[0]],
            coverage_b=self._coverage[pair[1]], lines=lines,
            slices=tuple(self._slices(pair, values, exact)),
            flips=flips(one.trials, other.trials, values[0]["passed"], values[1]["passed"]),
            notes=_notes(one, other),
        )

    def _line(
        self, metric: Metric, paired: Paired | None, p: float | None, pair: tuple[int, int],
        exact: bool,
    ) -> Line:
        margin = self._rules.margins.get(metric.name, metric.margin)
        sure = exact and not metric.measured
        why = self._uncovered(pair)
        if paired is None:
            return Line(metric=metric.name, unit=metric.unit, paired=None, p=None, margin=margin,
                        verdict="inconclusive", why="the arms have no case in common", exact=sure)
        verdict = "inconclusive" if why else decide(
            paired, margin=margin, higher_is_better=metric.higher_is_better, p=p, exact=sure,
            alpha=self._rules.alpha,
        )
        return Line(metric=metric.name, unit=metric.unit, paired=paired, p=p, margin=margin,
                    verdict=verdict, why=why, exact=sure)

    def _uncovered(self, pair: tuple[int, int]) -> str:
        for at in pair:
            found = self._coverage[at]
            if found.share < self._rules.min_coverage:
                return (
                    f"only {found.counted} of {found.trials} trials of {self._arms[at].name} count;"
                    f" {self._rules.min_coverage:.0%} are needed"
                )
        return ""

    def _slices(
        self, pair: tuple[int, int], values: Sequence[Mapping[str, Values]], exact: bool
    ) -> list[Slice]:
        groups: dict[tuple[str, str], set[str]] = defaultdict(set)
        for case, facts in self._rules.facts.items():
            for by, name in (
                *(("tag", tag) for tag in facts.tags), ("pattern", facts.pattern),
                ("difficulty", facts.difficulty),
            ):
                if name:
                    groups[by, name].add(case)
        slices = []
        for (by, name), cases in sorted(groups.items()):
            a, b = ({c: v for c, v in arm["passed"].items() if c in cases} for arm in values)
            paired = self._paired(METRICS["passed"], a, b)
            if paired is not None and paired.cases > 1:
                line = self._line(METRICS["passed"], paired, paired.p, pair, exact)
                slices.append(Slice(by=by, name=name, cases=paired.cases, passed=line))
        return slices


def _adjusted(
    found: Mapping[tuple[tuple[int, int], str], Paired | None]
) -> dict[tuple[tuple[int, int], str], float]:
    families: dict[str, list[tuple[tuple[int, int], str]]] = defaultdict(list)
    for key, paired in found.items():
        if paired is not None:
            families["checks" if key[1].startswith("check:") else key[1]].append(key)
    adjusted: dict[tuple[tuple[int, int], str], float] = {}
    for keys in families.values():
        ps = holm([one.p for key in keys if (one := found[key]) is not None])
        adjusted.update(zip(keys, ps, strict=True))
    return adjusted


def _notes(one: Arm, other: Arm) -> tuple[str, ...]:
    ones, others = ({trial.key.situation for trial in arm.trials} for arm in (one, other))
    notes = []
    for name, alone in ((one.name, sorted(ones - others)), (other.name, sorted(others - ones))):
        if alone:
            shown = ", ".join(alone[:3]) + (f" and {len(alone) - 3} more" if alone[3:] else "")
            notes.append(f"only {name} ran {shown}: left out")
    if len(ones & others) == 1:
        notes.append("one case alone: nothing here speaks for other cases")
    return tuple(notes)
