"""The recovery matrix: one fault per trial, beside the same trial without any."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from agentdyno.core.fault import FaultPlan
from agentdyno.core.trial import Outcome, Retries, Trial
from agentdyno.experiments.recovery import Recovery, recovery
from agentdyno.experiments.request import Request

STANDARD = Path(__file__).with_name("standard_faults.yaml")
"""The plan that is injected when no other is named."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One trial under a fault, and what came of it."""

    faulty: Trial
    sibling: Trial
    found: Recovery


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One fault on one runner, over all repeats."""

    fault: str
    """Name of the fault's plan, such as `model_http_429`."""
    runner: str
    """Name and version."""
    pairs: tuple[Pair, ...]
    """Empty when the trial or its sibling did not run."""

    @property
    def reached(self) -> tuple[Recovery, ...]:
        """Repeats that the fault hit and that can be judged."""
        return tuple(
            pair.found for pair in self.pairs if pair.found.status in ("recovered", "failed")
        )

    @property
    def recovered(self) -> int:
        """How many of `reached` recovered."""
        return sum(found.status == "recovered" for found in self.reached)

    @property
    def why_not(self) -> str:
        """What most of the repeats that were not reached have in common; "" when none ran."""
        statuses = Counter(pair.found.status for pair in self.pairs)
        return statuses.most_common(1)[0][0] if statuses else ""

    def median_of(self, name: str) -> float:
        """Return the median of one number of `Recovery` over the repeats that were reached."""
        return float(median(getattr(found, name) for found in self.reached))

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """How the repeats that did not recover ended, each once."""
        return tuple(dict.fromkeys(f.outcome for f in self.reached if f.status == "failed"))

    @property
    def doubled(self) -> dict[str, int]:
        """How often at most each tool did the same thing that it should have done less often."""
        most: dict[str, int] = {}
        for found in self.reached:
            for one in found.duplicates:
                most[one.tool] = max(most.get(one.tool, 0), one.times)
        return most

    @property
    def time_lost_s(self) -> float | None:
        """Median seconds above the sibling, over pairs of warm trials; null when there are none.

        The first trials of a process also pay for what the framework imports and builds.
        """
        lost = [
            pair.found.time_lost_s for pair in self.pairs
            if pair.found.status in ("recovered", "failed")
            and not (pair.faulty.report.cold or pair.sibling.report.cold)
        ]
        return median(lost) if lost else None


@dataclass(frozen=True, kw_only=True)
class RecoveryMatrix:
    """Faults by runners, for one scenario."""

    scenario: str
    retries: Retries
    faults: tuple[str, ...]
    """Rows, in the plan's order."""
    runners: tuple[str, ...]
    """Columns."""
    cells: dict[tuple[str, str], Cell]
    """By fault and runner."""

    def rows(self) -> list[dict[str, Any]]:
        """Return one JSON object per pair of trials."""
        return [
            _row(cell, pair)
            for fault in self.faults for runner in self.runners
            for cell in [self.cells[fault, runner]] for pair in cell.pairs
        ]


def with_single_faults(request: Request, plan: FaultPlan) -> Request:
    """Ask for each fault of `plan` in a trial of its own, and for none in one more.

    That one comes last: the first trials of a process are cold, and would make every other look
    fast.
    """
    return replace(request, fault_plans=(*plan.singles(), None))


def recovery_matrix(
    trials: Iterable[Trial], plan: FaultPlan, scenario: str, retries: Retries
) -> RecoveryMatrix:
    """Pair trials of `with_single_faults` with their siblings.

    Trials that are missing, or whose sibling is, leave their cell without that pair.
    """
    singles = {single.key: single.name for single in plan.singles()}
    return _matrix(trials, singles, scenario, retries)


def stored_matrix(trials: Iterable[Trial], scenario: str, retries: Retries) -> RecoveryMatrix:
    """Do the same for trials of whatever plans: each plan is a row, in order of name."""
    found = list(trials)
    plans = sorted({trial.key.faults for trial in found if trial.key.faults})
    names: dict[str, str] = {}
    for key in plans:
        name, _, digest = key.partition(":")
        # A plan that was edited is another one, under the same name.
        names[key] = f"{name} {digest[:6]}" if name in names.values() else name
    return _matrix(found, names, scenario, retries)


def _matrix(
    trials: Iterable[Trial], plans: Mapping[str, str], scenario: str, retries: Retries
) -> RecoveryMatrix:
    """Pair trials with their siblings; `plans` are names by `TrialKey.faults`."""
    found = sorted(trials, key=lambda trial: (trial.key.runner, trial.key.runner_version))
    siblings = {_cell(trial): trial for trial in found if not trial.key.faults}
    runners = tuple(dict.fromkeys(_runner(trial) for trial in found))
    pairs: dict[tuple[str, str], list[Pair]] = {}
    for trial in found:
        sibling = siblings.get(_cell(trial))
        if trial.key.faults and sibling is not None:
            pairs.setdefault((trial.key.faults, _runner(trial)), []).append(
                Pair(faulty=trial, sibling=sibling, found=recovery(trial, sibling))
            )
    return RecoveryMatrix(
        scenario=scenario, retries=retries, runners=runners,
        faults=tuple(plans.values()),
        cells={
            (name, runner): Cell(
                fault=name, runner=runner, pairs=_by_repeat(pairs.get((key, runner), [])),
            )
            for key, name in plans.items() for runner in runners
        },
    )


def _by_repeat(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    return tuple(sorted(pairs, key=lambda pair: pair.faulty.key.repeat))


def _runner(trial: Trial) -> str:
    return f"{trial.key.runner} {trial.key.runner_version}"


def _cell(trial: Trial) -> str:
    return trial.key.model_copy(update={"faults": ""}).model_dump_json()


def _row(cell: Cell, pair: Pair) -> dict[str, Any]:
    found = pair.found
    return {
        "fault": cell.fault, "runner": cell.runner, "repeat": pair.faulty.key.repeat,
        "trial": pair.faulty.id, "sibling": pair.sibling.id,
        "status": found.status, "outcome": found.outcome.value, "reason": found.reason,
        "hits": found.hits, "extra_model_calls": found.extra_model_calls,
        "extra_tool_calls": found.extra_tool_calls, "gateway_tries": found.gateway_tries,
        "duplicates": [
            {"tool": one.tool, "arguments": one.arguments, "times": one.times,
             "expected": one.expected} for one in found.duplicates
        ],
        "time_lost_s": found.time_lost_s,
        "cold": pair.faulty.report.cold or pair.sibling.report.cold,
    }
