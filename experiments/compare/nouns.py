"""What a comparison says."""

from dataclasses import dataclass

from agentdyno.evals.statistics.paired import Paired
from agentdyno.evals.statistics.verdict import Word


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How much of an arm could be counted."""

    trials: int
    """Trials that ended."""
    counted: int
    """Those without the ones that the bench spoiled or somebody cancelled."""
    passed: int
    best: float | None
    """Share that passed if every spoiled trial had passed; None without trials."""
    worst: float | None
    """Share that passed if every spoiled trial had failed."""

    @property
    def share(self) -> float:
        """Return the counted share; 0 without trials."""
        return self.counted / self.trials if self.trials else 0.0


@dataclass(frozen=True, kw_only=True)
class Line:
    """One metric of a comparison."""

    metric: str
    unit: str
    paired: Paired | None
    """None when the arms have no case in common that has the metric."""
    p: float | None
    """Adjusted for all comparisons made at once (Holm)."""
    margin: float
    verdict: Word
    why: str = ""
    """What limits the verdict, such as a coverage that is too low."""
    exact: bool = False
    """Whether there is no sampling noise, so that no interval is printed."""


@dataclass(frozen=True, kw_only=True)
class Flip:
    """A case that passed more often on one arm than on the other."""

    case: str
    a: float
    """Share of its trials that passed on arm a."""
    b: float
    trial_a: str
    """A trial of arm a to look at: one that failed where the arm is the worse one."""
    trial_b: str


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The same comparison on some of the cases."""

    by: str
    """`tag`, `pattern` or `difficulty`."""
    name: str
    cases: int
    passed: Line


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Arm b against arm a."""

    a: str
    """What the arm is called, such as `langgraph 1.2.22`."""
    b: str
    coverage_a: Coverage
    coverage_b: Coverage
    lines: tuple[Line, ...]
    slices: tuple[Slice, ...] = ()
    flips: tuple[Flip, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader must know: cases of one arm only, mixed harness versions, one case alone."""
