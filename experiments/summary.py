"""Trials -> the comparison table: one row per scenario, runner and version."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import median

from agentdyno.core.estimate import Estimate
from agentdyno.core.event import ModelCall, ToolCall
from agentdyno.core.trial import USER_SIMULATOR, Outcome, Trial
from agentdyno.evals.stats import wilson

OUT_OF_COUNT = (Outcome.HARNESS_FAULT, Outcome.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the instruments saw of one trial."""

    passed: bool
    """Every check passed."""
    model_calls: int
    prompt_tokens: int
    completion_tokens: int
    tool_calls: int
    wall_s: float
    cpu_s: float
    """CPU seconds of the framework's process, this trial's share."""
    cold: bool
    """The first trial of its process: its CPU time includes what the framework imports lazily."""
    peak_rss_mb: float


def measure(trial: Trial) -> Measured:
    """Return the numbers of one trial; tokens and calls are counted on the wire."""
    calls = [
        event for event in trial.events
        if isinstance(event, ModelCall) and event.agent != USER_SIMULATOR
    ]
    tokens = [call.tokens for call in calls if call.tokens]
    return Measured(
        passed=bool(trial.verdicts) and all(v.status == "pass" for v in trial.verdicts),
        model_calls=len(calls),
        prompt_tokens=sum(count.prompt for count in tokens),
        completion_tokens=sum(count.completion for count in tokens),
        tool_calls=sum(isinstance(event, ToolCall) for event in trial.events),
        wall_s=trial.duration_s,
        cpu_s=trial.report.cpu_s,
        cold=trial.report.cold,
        peak_rss_mb=trial.report.peak_rss_mb,
    )


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. Medians are over counted trials; None when there is none."""

    scenario: str
    runner: str
    """Name and version."""
    trials: int
    """Trials that ended, harness faults included."""
    faults: int
    """Harness faults: out of every other number of this row."""
    passed: Estimate | None
    """Rate of trials whose checks all passed, with its Wilson interval."""
    model_calls: float | None = None
    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    tool_calls: float | None = None
    wall_s: float | None = None
    cpu_s: float | None = None
    """Median over warm trials; over cold ones when there are no others."""
    cold: bool = False
    """`cpu_s` comes from first trials of a process."""
    peak_rss_mb: float | None = None
    """Highest resident memory of the worker process."""
    extra_calls: float | None = None
    """Framework tax: model calls above the leanest runner of the scenario."""
    extra_prompt_tokens: float | None = None
    """Framework tax: prompt tokens above the leanest runner of the scenario."""


def _row(scenario: str, runner: str, trials: Sequence[Trial]) -> Row:
    counted = [measure(trial) for trial in trials if trial.outcome not in OUT_OF_COUNT]
    faults = len(trials) - len(counted)
    head = Row(scenario=scenario, runner=runner, trials=len(trials), faults=faults, passed=None)
    if not counted:
        return head
    warm = [one for one in counted if not one.cold] or counted
    medians = {
        name: median(getattr(one, name) for one in counted)
        for name in ("model_calls", "prompt_tokens", "completion_tokens", "tool_calls", "wall_s")
    }
    return Row(
        scenario=scenario, runner=runner, trials=len(trials), faults=faults,
        passed=wilson(sum(one.passed for one in counted), len(counted)),
        cpu_s=median(one.cpu_s for one in warm), cold=warm[0].cold,
        peak_rss_mb=max(one.peak_rss_mb for one in counted), **medians,
    )


def _with_tax(rows: Sequence[Row]) -> list[Row]:
    """Add the excess over the leanest runner. A runner that never passes is no yardstick, since
    not doing the work is cheap, and has no tax of its own."""
    able = [row for row in rows if row.passed and row.passed.value > 0]
    if not able:
        return list(rows)
    calls = min(row.model_calls or 0 for row in able)
    tokens = min(row.prompt_tokens or 0 for row in able)
    return [
        replace(
            row, extra_calls=(row.model_calls or 0) - calls,
            extra_prompt_tokens=(row.prompt_tokens or 0) - tokens,
        ) if row in able else row
        for row in rows
    ]


def summarize(trials: Iterable[Trial]) -> list[Row]:
    """Return one row per scenario and runner version, scenarios and runners in order of name."""

    def cell(trial: Trial) -> tuple[str, str]:
        return trial.key.scenario, f"{trial.key.runner} {trial.key.runner_version}"

    rows = [
        _row(scenario, runner, list(group))
        for (scenario, runner), group in groupby(sorted(trials, key=cell), key=cell)
    ]
    return [
        row
        for _, group in groupby(rows, key=lambda row: row.scenario)
        for row in _with_tax(list(group))
    ]
