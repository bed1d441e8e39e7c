"""A suite now against its baseline: the verdict, and everything it stands on."""

from collections.abc import Iterator, Sequence

from agentdyno.core.errors import UsageError
from agentdyno.core.noun import Noun
from agentdyno.core.suite import Policy, Suite
from agentdyno.evals.statistics.paired import RESAMPLES
from agentdyno.experiments.gate.baseline import Baseline, Cell
from agentdyno.experiments.gate.coverage import RunnerCoverage, cover, passes
from agentdyno.experiments.gate.drift import Drift, drifts
from agentdyno.experiments.gate.judge import GateLine, Question, Word, judge
from agentdyno.experiments.gate.questions import Pair, families, pairs_of, questions

PASSED, REGRESSION, HARNESS_FAULT, INCONCLUSIVE = 0, 1, 3, 6


class Flip(Noun):
    """A case that passes more or less often than it was blessed, with two trials to look at."""

    runner: str
    situation: str
    before: float
    now: float
    blessed: str
    """A trial of the baseline."""
    trial: str
    failed: tuple[str, ...]
    """Checks that did not pass in `trial`."""


class GateReport(Noun):
    """What a gate says."""

    suite: str
    verdict: Word
    policy: Policy
    alpha: float
    lines: tuple[GateLine, ...]
    """Checks and metrics; what scatters was judged at once."""
    drifts: tuple[Drift, ...]
    """Where models or tools were asked otherwise: exact, without statistics."""
    flips: tuple[Flip, ...]
    """The cases that got worse first."""
    coverage: tuple[RunnerCoverage, ...]
    cells: int
    """Cells that were compared."""
    notes: tuple[str, ...] = ()
    """What a reader must know to believe the rest."""

    @property
    def broken(self) -> bool:
        """Whether the bench itself kept too many trials from counting."""
        return any(one.broken(self.policy.min_coverage) for one in self.coverage)

    @property
    def exit_code(self) -> int:
        """Return the exit code that the suite's policy gives the verdict."""
        if self.verdict == "regression":
            return REGRESSION
        if self.broken:
            return HARNESS_FAULT
        if self.verdict == "inconclusive" and self.policy.inconclusive == "fail":
            return INCONCLUSIVE
        return PASSED

    def of(self, verdict: Word) -> tuple[GateLine, ...]:
        """Return the lines with one verdict."""
        return tuple(line for line in self.lines if line.verdict == verdict)


def gate(
    suite: Suite, before: Baseline, now: Baseline, *, seed: int = 0, resamples: int = RESAMPLES
) -> GateReport:
    """Hold what ran now against the baseline.

    Raises:
        UsageError: the baseline is of another suite, was made another way, or has no cell in
            common.
    """
    check_baseline(suite, before)
    _in_common(before, now)
    asked: list[Question] = []
    coverage: list[RunnerCoverage] = []
    every: list[Pair] = []
    notes = list(_suite_notes(before, now))
    for runner in now.definition.runners:
        blessed = tuple(
            cell for cell in before.cells
            if cell.runner == runner and cell.situation in now.definition.situations
        )
        pairs = pairs_of(before, now, runner)
        if not blessed:
            continue
        covered = cover(runner, blessed, tuple(pair[1] for pair in pairs), suite.trials)
        coverage.append(covered)
        asked += questions(suite, runner, pairs, covered)
        notes += _runner_notes(runner, pairs, covered)
        every += pairs
    lines = judge(asked, alpha=suite.alpha, seed=seed, resamples=resamples)
    found = () if suite.policy.wire == "ignore" else drifts(before, now)
    flipped = sorted(_flips(every), key=lambda flip: (flip.now - flip.before, flip.runner))
    report = GateReport(
        suite=suite.name, verdict="pass", policy=suite.policy, alpha=suite.alpha, lines=lines,
        drifts=found, flips=tuple(flipped), coverage=tuple(coverage), cells=len(every),
        notes=tuple(notes),
    )
    return report.model_copy(update={"verdict": _verdict(report)})


def _verdict(report: GateReport) -> Word:
    if report.of("regression") or (report.drifts and report.policy.wire == "fail"):
        return "regression"
    if report.broken or report.of("inconclusive") or not report.lines:
        return "inconclusive"
    return "improved" if report.of("improved") else "pass"


def check_baseline(suite: Suite, before: Baseline) -> None:
    """Refuse a baseline that this suite cannot be held against.

    Raises:
        UsageError: it is of another suite, or was made another way.
    """
    if before.suite != suite.name:
        raise UsageError(
            f"the baseline is of suite {before.suite!r}, and this is {suite.name!r}.",
            "agentdyno bless SUITE makes one of this suite",
        )
    way = {"model": suite.model, "tools": suite.tool_source, "retries": suite.retries,
           "stream": suite.stream}
    differs = [
        f"{name} was {was} and is {is_now}" for name, is_now in way.items()
        if (was := getattr(before.definition, name)) != is_now
    ]
    if differs:
        raise UsageError(
            f"the baseline was made another way: {'; '.join(differs)}.",
            "agentdyno bless SUITE, once you know that the new way is good",
        )


def _in_common(before: Baseline, now: Baseline) -> None:
    asked = {
        (runner, situation) for runner in now.definition.runners
        for situation in now.definition.situations
    }
    if not asked & before.by_place().keys():
        raise UsageError(
            "the baseline has none of the scenarios and runners of this suite.",
            "agentdyno bless SUITE",
        )


def _suite_notes(before: Baseline, now: Baseline) -> Iterator[str]:
    old, new = before.by_place(), now.by_place()
    gone = [
        cell for place, cell in old.items()
        if cell.situation not in now.definition.situations
    ]
    if gone:
        yield f"not asked any more, and so not compared: {_names(gone)}"
    added = [cell for place, cell in new.items() if place not in old]
    if added:
        yield f"new, and so not compared (bless to keep them): {_names(added)}"
    versions = sorted({cell.harness for cell in (*before.cells, *now.cells)})
    if len(versions) > 1:
        yield (f"mixed versions of agentdyno ({', '.join(versions)}): a change may be the bench's "
               "own")
    both = [(old[place], cell) for place, cell in new.items() if place in old]
    for runner, was, is_now in sorted({
        (a.runner, a.version, b.version) for a, b in both if a.version != b.version
    }):
        yield f"{runner} was {was} and is {is_now}"
    changed = sorted({a.situation for a, b in both if a.scenario_digest != b.scenario_digest})
    if changed:
        yield f"changed since the baseline: {', '.join(changed)}"


def _runner_notes(
    runner: str, pairs: Sequence[Pair], coverage: RunnerCoverage
) -> Iterator[str]:
    if len(pairs) == 1:
        yield f"{runner}: one case alone; nothing here speaks for other cases"
    if coverage.blessed_counted and not coverage.blessed_passed:
        yield f"{runner}: no blessed trial passes, so the baseline has little to defend"
    if coverage.counted and not coverage.passed:
        yield f"{runner}: all {coverage.counted} trials fail"
    lost = coverage.expected - coverage.counted
    if lost:
        parts = [
            f"{count} {what}" for count, what in (
                (coverage.faults, "spoiled by the bench"),
                (coverage.missed, "not answered by the cassette"), (coverage.missing, "not run"),
            ) if count
        ]
        yield (f"{runner}: {lost} of {coverage.expected} trials do not count "
               f"({', '.join(parts)}): if they had, between {coverage.worst:.0%} and "
               f"{coverage.best:.0%} would have passed")
    for side, words in ((0, "checked no more"), (1, "checked for the first time")):
        if alone := families(pairs, side) - families(pairs, 1 - side):
            yield f"{runner}: {words}: {', '.join(sorted(alone))}"


def _flips(pairs: Sequence[Pair]) -> Iterator[Flip]:
    for before, now in pairs:
        old, new = ([t for t in cell.trials if t.counted] for cell in (before, now))
        if not old or not new:
            continue
        was, is_now = (sum(map(passes, some)) / len(some) for some in (old, new))
        if was == is_now:
            continue
        example = next((t for t in new if passes(t) == (is_now > was)), new[0])
        yield Flip(
            runner=now.runner, situation=now.situation, before=was, now=is_now,
            blessed=next((t for t in old if passes(t) == (was > is_now)), old[0]).id,
            trial=example.id,
            failed=tuple(name for name, status in example.verdicts.items() if status != "pass"),
        )


def _names(cells: Sequence[Cell]) -> str:
    names = sorted({cell.name for cell in cells})
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")
