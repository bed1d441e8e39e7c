"""Comparisons of what is stored, made of counts and columns instead of whole trials."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from agentdyno.core.estimate import Estimate
from agentdyno.evals.statistics.multiple import holm
from agentdyno.evals.statistics.paired import Paired
from agentdyno.evals.statistics.rates import clustered_mean, flakiness
from agentdyno.evals.statistics.values import Values
from agentdyno.evals.statistics.verdict import decide
from agentdyno.experiments.compare.metrics import METRICS, Metric, check_metric
from agentdyno.experiments.compare.nouns import Comparison, Coverage, Line
from agentdyno.experiments.compare.table import Rules, Side, compare_sides
from agentdyno.experiments.summary import Condition
from agentdyno.store.reading import CellRow
from agentdyno.store.readvalues import ArmKey, ByArm


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How often an arm passed on one scenario, or on all of them."""

    scenario: str
    """"" for all."""
    arm: ArmKey
    passed: Estimate | None
    """None where no trial counts."""
    exact: bool
    """Whether nothing scatters: an interval would say nothing."""
    cases: int
    trials: int
    counted: int
    harness_faults: int


@dataclass(frozen=True, kw_only=True)
class Flaky:
    """A cell whose trials sometimes pass."""

    cell: CellRow
    chance: Estimate
    """That two trials of it differ in passing."""


def condition_of(cell: CellRow) -> Condition:
    """Return under what a cell ran, without variant and faults, which tell arms apart."""
    return Condition(model=cell.model, tools=cell.tools, retries=cell.retries,
                     approver=cell.approver, stream=cell.stream)


def arm_of(cell: CellRow) -> ArmKey:
    """Return the arm that a cell belongs to."""
    return ArmKey(runner=cell.runner, runner_version=cell.runner_version, variant=cell.variant)


def arm_names(arms: Iterable[ArmKey]) -> dict[ArmKey, str]:
    """Return what arms are called: no more than it takes to tell them apart."""
    every = sorted(set(arms), key=lambda arm: (arm.runner, arm.runner_version, arm.variant))
    versions = defaultdict(set)
    for arm in every:
        versions[arm.runner].add(arm.runner_version)
    variants = {arm.variant for arm in every}
    return {
        arm: arm.runner
        + (f" {arm.runner_version}" if len(versions[arm.runner]) > 1 else "")
        + (f" · {arm.variant}" if len(variants) > 1 else "")
        for arm in every
    }


def rates(cells: Iterable[CellRow], *, by_scenario: bool = True) -> list[Rate]:
    """Return the rate of each arm, on each scenario or on all, in order of name."""
    groups: dict[tuple[str, ArmKey], list[CellRow]] = defaultdict(list)
    for cell in cells:
        groups[cell.scenario if by_scenario else "", arm_of(cell)].append(cell)
    return [
        Rate(
            scenario=scenario, arm=arm, exact=_exact(group), passed=clustered_mean(_passes(group)),
            cases=len({cell.situation for cell in group}), trials=sum(c.trials for c in group),
            counted=sum(cell.counted for cell in group),
            harness_faults=sum(cell.harness_faults for cell in group),
        )
        for (scenario, arm), group in sorted(groups.items(), key=_order)
    ]


def flaky(cells: Iterable[CellRow]) -> list[Flaky]:
    """Return the cells that pass sometimes, the worst first."""
    found = [
        Flaky(cell=cell, chance=chance) for cell in cells if 0 < cell.passed < cell.counted
        if (chance := flakiness(_ones(cell))) is not None
    ]
    return sorted(found, key=lambda one: (-one.chance.value, one.cell.situation))


def compare_stored(
    cells: Sequence[CellRow], values: ByArm, checks: ByArm, names: Mapping[ArmKey, str],
    metrics: Sequence[str], rules: Rules,
) -> tuple[Comparison, ...]:
    """Return one comparison for each pair of the arms of `values`, in their order.

    Args:
        cells: those of the arms, for what was left out of the count.
        checks: passes and fails by check; none where they are not compared.
        metrics: names of metrics to compare, of those in `values`.
    """
    ids = sorted({check for found in checks.values() for check in found})
    wanted: list[Metric] = [*(METRICS[name] for name in metrics), *map(check_metric, ids)]
    sides = []
    for arm, found in values.items():
        own = [cell for cell in cells if arm_of(cell) == arm]
        of_checks = {f"check:{check}": checks.get(arm, {}).get(check, {}) for check in ids}
        by_metric: dict[str, Values] = {**{name: found[name] for name in metrics}, **of_checks}
        sides.append(Side(
            name=names[arm], values=by_metric, coverage=_coverage(own), exact=_exact(own),
            cases=frozenset(cell.situation for cell in own),
        ))
    return compare_sides(sides, wanted, rules)


def against(
    baseline: ArmKey, cells: Sequence[CellRow], values: ByArm, names: Mapping[ArmKey, str],
    metric: str, rules: Rules,
) -> list[Comparison]:
    """Return the comparison of each other arm with `baseline` on one metric; p-values are adjusted
    (Holm) over these alone, since nobody looks at the other pairs."""
    pairs = [
        compare_stored(cells, {baseline: values[baseline], arm: values[arm]}, {}, names,
                       (metric,), rules)[0]
        for arm in values if arm != baseline
    ]
    lines = [pair.lines[0] if pair.lines else None for pair in pairs]
    ps = iter(holm([line.paired.p for line in lines if line and line.paired]))
    return [
        pair if line is None or line.paired is None
        else replace(pair, lines=(_judged(line, line.paired, next(ps), rules),))
        for pair, line in zip(pairs, lines, strict=True)
    ]


def _judged(line: Line, paired: Paired, p: float, rules: Rules) -> Line:
    """Return `line` with the verdict that the adjusted `p` gives."""
    verdict = "inconclusive" if line.why else decide(
        paired, margin=line.margin, higher_is_better=METRICS[line.metric].higher_is_better, p=p,
        exact=line.exact, alpha=rules.alpha,
    )
    return replace(line, p=p, verdict=verdict)


def _coverage(cells: Sequence[CellRow]) -> Coverage:
    trials, counted = sum(c.trials for c in cells), sum(c.counted for c in cells)
    passed = sum(cell.passed for cell in cells)
    return Coverage(
        trials=trials, counted=counted, passed=passed,
        best=(passed + trials - counted) / trials if trials else None,
        worst=passed / trials if trials else None,
    )


def _exact(cells: Sequence[CellRow]) -> bool:
    counted = [cell for cell in cells if cell.counted]
    return bool(counted) and all(
        cell.model in ("scripted", "replay") and cell.alike and cell.counted > 1
        for cell in counted
    )


def _passes(cells: Sequence[CellRow]) -> Values:
    found: dict[str, list[float]] = defaultdict(list)
    for cell in cells:
        found[cell.situation] += _ones(cell)
    return found


def _ones(cell: CellRow) -> list[float]:
    return [1.0] * cell.passed + [0.0] * (cell.counted - cell.passed)


def _order(item: tuple[tuple[str, ArmKey], list[CellRow]]) -> tuple[str, str, str, str]:
    scenario, arm = item[0]
    return scenario, arm.runner, arm.runner_version, arm.variant
