"""Two states of a suite -> what is to be judged, runner by runner."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from agentdyno.core.suite import Suite
from agentdyno.evals.statistics.values import Values
from agentdyno.experiments.gate.baseline import Baseline, Cell, KeptTrial
from agentdyno.experiments.gate.coverage import RunnerCoverage, passes
from agentdyno.experiments.gate.families import family_values
from agentdyno.experiments.gate.judge import Question, without
from agentdyno.experiments.gate.observe import judges_checks, metrics_of

RATE_MARGIN = 0.05
Pair = tuple[Cell, Cell]
"""One cell before and now."""
Of = Callable[[Cell, KeptTrial], float | None]


def pairs_of(before: Baseline, now: Baseline, runner: str) -> tuple[Pair, ...]:
    """Return the cells of a runner that are on both sides."""
    blessed = before.by_place()
    return tuple(
        (blessed[place], cell) for place, cell in now.by_place().items()
        if place[0] == runner and place in blessed
    )


def questions(
    suite: Suite, runner: str, pairs: Sequence[Pair], coverage: RunnerCoverage
) -> Iterator[Question]:
    """Yield what is asked about one runner: each metric that has a value on both sides, and each
    family of checks; where too few trials count, one question stands for all."""
    exact = suite.model != "live" and all(_is_exact(*pair) for pair in pairs)
    why = coverage.too_low(suite.policy.min_coverage)
    if why:
        arms = _arms(pairs, lambda cell, trial: float(passes(trial)))
        yield Question(
            runner=runner, metric="passed", higher_is_better=True, ratio=False, named=False,
            margin=RATE_MARGIN, before=arms[0], now=arms[1], exact=exact, why=why,
        )
        return
    for metric in metrics_of(suite):
        arms = _arms(pairs, _metric_of(metric.name))
        if any(arms[0].values()):
            question = Question(
                runner=runner, metric=metric.name, higher_is_better=metric.higher_is_better,
                ratio=metric.kind == "ratio", named=metric.name in suite.margins,
                margin=suite.margins.get(metric.name, metric.margin), before=arms[0],
                now=arms[1], exact=exact and not metric.measured,
            )
            yield _answered(question, pairs, suite)
    for family in sorted(families(pairs, 0) & families(pairs, 1)):
        if not judges_checks(suite, family):
            continue
        arms = _arms(pairs, _family_of(family))
        named = [key for key in (f"check:{family}", "checks") if key in suite.margins]
        question = Question(
            runner=runner, metric=f"check:{family}", higher_is_better=True, ratio=False,
            margin=suite.margins[named[0]] if named else RATE_MARGIN, named=bool(named),
            before=arms[0], now=arms[1], exact=exact,
        )
        yield _answered(question, pairs, suite)


def families(pairs: Sequence[Pair], side: int) -> set[str]:
    """Return the families of checks of one side of `pairs`."""
    return {family for pair in pairs for family in pair[side].families.values()}


def _metric_of(name: str) -> Of:
    return lambda cell, trial: trial.values.get(name)


def _family_of(name: str) -> Of:
    return lambda cell, trial: family_values(trial.verdicts, cell.families).get(name)


def _arms(pairs: Sequence[Pair], of: Of) -> tuple[Values, Values]:
    def values(side: int) -> Mapping[str, Sequence[float]]:
        return {
            pair[side].situation: [
                value for trial in pair[side].trials
                if trial.counted and (value := of(pair[side], trial)) is not None
            ] for pair in pairs
        }

    return values(0), values(1)


def _answered(question: Question, pairs: Sequence[Pair], suite: Suite) -> Question:
    """Forbid a verdict where too many trials that had a value before have none now, such as those
    whose check is in error: what cannot tell must not pass."""
    had = [case for case, some in question.before.items() if some]
    trials = sum(
        trial.counted for _, now in pairs if now.situation in had for trial in now.trials
    )
    told = sum(len(question.now.get(case, ())) for case in had)
    if trials and told < suite.policy.min_coverage * trials:
        return without(question, f"only {told} of {trials} trials tell it now")
    return question


def _is_exact(before: Cell, now: Cell) -> bool:
    """Tell whether nothing of a cell scatters: every trial sends what the blessed one of its repeat
    sent, or all trials of each side send the same."""
    old, new = (
        {trial.repeat: trial.wire for trial in cell.trials if trial.counted}
        for cell in (before, now)
    )
    if not all((*old.values(), *new.values())):
        return False
    alike = all(len(set(wires.values())) <= 1 for wires in (old, new))
    return alike or all(old.get(repeat) == wire for repeat, wire in new.items())
