"""The arms of a run: trials that share a runner and conditions, and what they are compared with."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agentdyno.core.trial import Trial
from agentdyno.experiments.compare.compare import Arm, Rules, compare
from agentdyno.experiments.compare.nouns import Comparison
from agentdyno.experiments.summary import Condition

_NAMES = tuple(field.name for field in dataclasses.fields(Condition))
MOST_PAIRS = 120
"""Pairs that are compared: 16 arms side by side. Beyond it the report names the command."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Trials of one runner under one set of conditions, over all scenarios."""

    runner: str
    """Name and version."""
    condition: Condition
    """What sets it apart from other cells; nothing else of it is said."""
    name: str
    """Runner and what sets it apart, in words."""
    trials: tuple[Trial, ...]

    @property
    def arm(self) -> Arm:
        """Return the cell as `compare` takes it."""
        return Arm(name=self.name, trials=self.trials)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Pairs that were judged together."""

    pairs: tuple[Comparison, ...]
    left_out: int = 0
    """Pairs that there was no room for."""


def cells_of(trials: Sequence[Trial]) -> tuple[Cell, ...]:
    """Return the cells of a run, by runner, then in the order in which conditions first ran.

    Conditions that only follow from the scenario, such as who approves, set no cells apart.
    """
    apart = _apart(trials)
    found: dict[tuple[str, Condition], list[Trial]] = {}
    for trial in trials:
        runner = f"{trial.key.runner} {trial.key.runner_version}"
        found.setdefault((runner, _only(Condition.of(trial), apart)), []).append(trial)
    cells = [
        Cell(runner=runner, condition=condition, name=_name(runner, condition, apart),
             trials=tuple(some))
        for (runner, condition), some in found.items()
    ]
    return tuple(sorted(cells, key=lambda cell: cell.runner))


def compared(cells: Sequence[Cell]) -> Compared:
    """Compare runners with each other, and each runner's variants with each other.

    Cells under faults are left to the recovery table: their siblings without faults are what they
    are held against.
    """
    sound = [cell for cell in cells if not cell.condition.faults]
    groups = [
        *_groups(sound, key=lambda cell: str(cell.condition)),
        *_groups(sound, key=lambda cell: cell.runner),
    ]
    pairs: list[Comparison] = []
    left_out = 0
    for group in groups:
        size = len(group) * (len(group) - 1) // 2
        if len(pairs) + size > MOST_PAIRS:
            left_out += size
        else:
            pairs += compare([cell.arm for cell in group], Rules())
    return Compared(pairs=tuple(pairs), left_out=left_out)


def _groups(cells: Sequence[Cell], key: Callable[[Cell], str]) -> list[list[Cell]]:
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        found.setdefault(key(cell), []).append(cell)
    return [group for group in found.values() if len(group) > 1]


def _apart(trials: Sequence[Trial]) -> tuple[str, ...]:
    """Return the names of the conditions that differ within a scenario."""
    seen: dict[str, set[Condition]] = {}
    for trial in trials:
        seen.setdefault(trial.key.scenario, set()).add(Condition.of(trial))
    return tuple(
        name for name in _NAMES
        if any(len({getattr(one, name) for one in some}) > 1 for some in seen.values())
    )


def _only(condition: Condition, names: Sequence[str]) -> Condition:
    """Return the conditions called `names`; the others as they usually are."""
    return Condition(**{name: getattr(condition, name) for name in names})


def _name(runner: str, condition: Condition, apart: Sequence[str]) -> str:
    told = {
        "variant": condition.variant,
        "faults": condition.faults.partition(":")[0] or "no faults",
        "stream": "streamed" if condition.stream else "not streamed",
        "approver": f"approver {condition.approver or 'nobody'}",
    }
    words = [told.get(name, f"{name} {getattr(condition, name)}") for name in apart]
    return " · ".join([runner, *words])
