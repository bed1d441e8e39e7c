"""How much of what a gate asked for ran and counts."""

from agentdyno.core.noun import Noun
from agentdyno.experiments.gate.baseline import Cell, KeptTrial


class RunnerCoverage(Noun):
    """Trials of one runner, on the cells that the baseline has too."""

    runner: str
    expected: int
    """Trials that were asked for."""
    counted: int
    """Those that say something of the agents."""
    faults: int
    """Those that the bench spoiled."""
    missed: int
    """Those that asked for something that is not on their cassette."""
    passed: int
    blessed: int
    """Trials of the baseline."""
    blessed_counted: int
    blessed_passed: int

    @property
    def missing(self) -> int:
        """Return how many trials did not run."""
        return max(0, self.expected - self.counted - self.faults - self.missed)

    @property
    def worst(self) -> float | None:
        """Return the share that passed if every trial that does not count had failed."""
        return self.passed / self.expected if self.expected else None

    @property
    def best(self) -> float | None:
        """Return the share that passed if every trial that does not count had passed."""
        lost = self.expected - self.counted
        return (self.passed + lost) / self.expected if self.expected else None

    def too_low(self, wanted: float) -> str:
        """Return why too few trials count to say anything; "" when enough do."""
        for counted, expected, whose in (
            (self.counted, self.expected, "now"),
            (self.blessed_counted, self.blessed, "of the baseline"),
        ):
            if counted < wanted * expected:
                return f"only {counted} of {expected} trials {whose} count; {wanted:.0%} are needed"
        return ""

    def broken(self, wanted: float) -> bool:
        """Tell whether it is the bench's doing that too few trials count."""
        return self.expected - self.faults - self.missing < wanted * self.expected


def cover(
    runner: str, before: tuple[Cell, ...], now: tuple[Cell, ...], trials: int
) -> RunnerCoverage:
    """Return how much of a runner counts.

    Args:
        before: its cells of the baseline that were asked for again.
        now: the same cells as they ran; one that did not run is not there.
        trials: repeats of each cell.
    """
    ran = [trial for cell in now for trial in cell.trials]
    blessed = [trial for cell in before for trial in cell.trials]
    return RunnerCoverage(
        runner=runner, expected=len(before) * trials,
        counted=sum(trial.counted for trial in ran),
        faults=sum(not trial.counted and not trial.missed for trial in ran),
        missed=sum(trial.missed for trial in ran), passed=sum(map(passes, ran)),
        blessed=len(blessed), blessed_counted=sum(trial.counted for trial in blessed),
        blessed_passed=sum(map(passes, blessed)),
    )


def passes(trial: KeptTrial) -> bool:
    """Tell whether a trial counts and passes every check."""
    return trial.counted and bool(trial.verdicts) and set(trial.verdicts.values()) == {"pass"}
