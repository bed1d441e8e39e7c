"""All pairs of arms on all metrics, from their values alone: whoever has the values may compare."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

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
from agentdyno.experiments.compare.metrics import METRICS, Metric
from agentdyno.experiments.compare.nouns import Comparison, Coverage, Line, Slice

MIN_COVERAGE = 0.9
"""Share of trials that must count on both arms; below it nothing is said."""


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


@dataclass(frozen=True, kw_only=True)
class Side:
    """One arm as its values."""

    name: str
    values: Mapping[str, Values]
    """By metric, then by case."""
    coverage: Coverage
    exact: bool
    """Whether nothing of it scatters."""
    cases: frozenset[str]
    """All that it ran, also where no trial counts."""


def compare_sides(
    sides: Sequence[Side], metrics: Sequence[Metric], rules: Rules
) -> tuple[Comparison, ...]:
    """Return one comparison for each pair of sides, in order; without flips.

    p-values are adjusted over all pairs, metric by metric, and the metrics of checks among
    themselves as well: two dozen checks would else find a difference by chance.
    """
    return _Table(sides, metrics, rules).comparisons()


class _Table:
    """All pairs of all metrics, so that p-values can be adjusted together."""

    def __init__(self, sides: Sequence[Side], metrics: Sequence[Metric], rules: Rules) -> None:
        self._sides, self._metrics, self._rules = sides, metrics, rules
        self._values = [side.values for side in sides]
        self._resamples: dict[tuple[str, ...], Resamples] = {}

    def comparisons(self) -> tuple[Comparison, ...]:
        """Return the comparison of each pair."""
        pairs = list(combinations(range(len(self._sides)), 2))
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
        one, other = (self._sides[at] for at in pair)
        exact = one.exact and other.exact
        lines = tuple(
            self._line(metric, found[metric.name], adjusted[metric.name], pair, exact)
            for metric in self._metrics
            if any(any(some) for at in pair for some in self._values[at][metric.name].values())
            or (metric.kind == "difference" and any(self._values[at][metric.name] for at in pair))
        )
        values = [self._values[at] for at in pair]
        return Comparison(
            a=one.name, b=other.name, coverage_a=one.coverage, coverage_b=other.coverage,
            lines=lines,
            slices=tuple(self._slices(pair, values, exact)),
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
            found = self._sides[at].coverage
            if found.share < self._rules.min_coverage:
                return (
                    f"only {found.counted} of {found.trials} trials of {self._sides[at].name}"
                    f" count; {self._rules.min_coverage:.0%} are needed"
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


def _notes(one: Side, other: Side) -> tuple[str, ...]:
    ones, others = one.cases, other.cases
    notes = []
    for name, alone in ((one.name, sorted(ones - others)), (other.name, sorted(others - ones))):
        if alone:
            shown = ", ".join(alone[:3]) + (f" and {len(alone) - 3} more" if alone[3:] else "")
            notes.append(f"only {name} ran {shown}: left out")
    if len(ones & others) == 1:
        notes.append("one case alone: nothing here speaks for other cases")
    return tuple(notes)
