"""What an experiment takes from its trials: a few numbers of each, paired by case, repeat and
runner."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agentdyno.core.trial import Trial
from agentdyno.evals.statistics.sequential import relative
from agentdyno.evals.statistics.values import Values
from agentdyno.evals.statistics.verdict import is_exact
from agentdyno.experiments.abtest.reading import metric_of
from agentdyno.experiments.compare.metrics import OUT_OF_COUNT, Metric
from agentdyno.experiments.compare.nouns import Coverage
from agentdyno.experiments.measured import measure


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """One trial, as far as an experiment looks at it."""

    trial: str
    """The trial's id."""
    arm: str
    case: str
    runner: str
    repeat: int
    counted: bool
    """Whether it says something about the agents: the bench did not spoil it."""
    passed: bool
    values: Mapping[str, float]
    """By metric; those that the trial has no value of are absent."""
    wire: str
    """Hash of what the team sent."""


def observe(arm: str, trials: Iterable[Trial], metrics: Sequence[str]) -> list[Observation]:
    """Return what is taken from trials of one arm."""
    wanted = [metric_of(name) for name in metrics]
    found = []
    for trial in trials:
        seen = measure(trial)
        counted = trial.outcome not in OUT_OF_COUNT
        values = {m.name: m.of(trial, seen) for m in wanted} if counted else {}
        found.append(Observation(
            trial=trial.id, arm=arm, case=trial.key.situation, runner=trial.key.runner,
            repeat=trial.key.repeat, counted=counted, passed=seen.passed, wire=trial.wire_digest,
            values={name: float(value) for name, value in values.items() if value is not None},
        ))
    return found


def coverage(some: Sequence[Observation]) -> Coverage:
    """Return how much of an arm counts, with the bounds of what the rest could change."""
    counted = [one for one in some if one.counted]
    passed, n = sum(one.passed for one in counted), len(some)
    return Coverage(
        trials=n, counted=len(counted), passed=passed, worst=passed / n if n else None,
        best=(passed + n - len(counted)) / n if n else None,
    )


def values_by_case(some: Sequence[Observation], metric: str) -> Values:
    """Return every value of a metric by case, whichever runner it comes from."""
    found: dict[str, list[float]] = defaultdict(list)
    for one in some:
        if metric in one.values:
            found[one.case].append(one.values[metric])
    return found


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one repeat brought of two arms, by case; values are means over the runners that both
    have."""

    a: Mapping[str, float]
    b: Mapping[str, float]
    differences: Mapping[str, float]
    """`b` - `a` of a rate; of a quantity (b - a) / (a + b)."""


def rounds_of(
    a: Sequence[Observation], b: Sequence[Observation], metric: Metric
) -> tuple[Round, ...]:
    """Return the repeats that both arms have, in order."""
    one, two = _values(a, metric.name), _values(b, metric.name)
    found: dict[int, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for key in one.keys() & two.keys():
        repeat, case, _ = key
        found[repeat][case].append((one[key], two[key]))
    rounds = []
    for _, cases in sorted(found.items()):
        means = {
            case: tuple(sum(values) / len(pairs) for values in zip(*pairs, strict=True))
            for case, pairs in sorted(cases.items())
        }
        rounds.append(Round(
            a={case: pair[0] for case, pair in means.items()},
            b={case: pair[1] for case, pair in means.items()},
            differences={
                case: relative(*pair) if metric.kind == "ratio" else pair[1] - pair[0]
                for case, pair in means.items()
            },
        ))
    return tuple(rounds)


def _values(some: Sequence[Observation], metric: str) -> dict[tuple[int, str, str], float]:
    return {
        (one.repeat, one.case, one.runner): one.values[metric]
        for one in some if metric in one.values
    }


def scatters(some: Sequence[Observation]) -> bool:
    """Tell whether trials of one arm differ in what they sent, or are too few to know."""
    cells: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in some:
        if one.counted:
            cells[one.case, one.runner].append(one.wire)
    enough = cells and all(len(wires) > 1 and all(wires) for wires in cells.values())
    return not enough or not is_exact([*cells.values()])
