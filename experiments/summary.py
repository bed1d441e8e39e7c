"""Trials -> the comparison table: one row per scenario, runner, version and conditions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import median
from typing import TYPE_CHECKING, Literal

from agentdyno.core.estimate import Estimate
from agentdyno.core.pattern import coordinators
from agentdyno.core.trial import Outcome, Trial
from agentdyno.evals.stats import wilson
from agentdyno.experiments.fingerprint import nothing_scatters
from agentdyno.experiments.measured import Measured, Meter, measure, quantile, reconcile

if TYPE_CHECKING:  # what plans imports all scenarios' parts
    from agentdyno.experiments.plan import NotSupported

__all__ = ["OUT_OF_COUNT", "Condition", "Measured", "Meter", "Row", "measure", "quantile",
           "reconcile", "summarize"]

OUT_OF_COUNT = (Outcome.HARNESS_FAULT, Outcome.CANCELLED)

MeterState = Literal["equal", "mismatch", "not_reported"]


@dataclass(frozen=True, kw_only=True, order=True)
class Condition:
    """Under what trials ran beside their scenario and runner: only equals are compared."""

    model: str = "scripted"
    """Where answers came from: `scripted`, `replay`, or the models that were asked."""
    tools: str = "live"
    """Whether tool results came from servers or from the cassette."""
    retries: str = "uniform"
    """Retry profile."""
    faults: str = ""
    """Name and content hash of the fault plan; "" for none."""
    variant: str = "baseline"
    stream: bool = False
    approver: str = ""
    """Who decided about tool calls that wait; "" where none did."""

    @classmethod
    def of(cls, trial: Trial) -> "Condition":
        """Return the conditions of one trial."""
        key = trial.key
        return cls(model=key.model, tools=key.tools, retries=key.retries, faults=key.faults,
                   variant=key.variant, stream=key.stream, approver=key.approver)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. Medians are over counted trials; None when there is none."""

    scenario: str
    runner: str
    """Name and version."""
    condition: Condition = Condition()
    trials: int
    """Trials that ended, harness faults included."""
    not_supported: str = ""
    """Why the runner does not execute this scenario's team: then there is no trial."""
    faults: int
    """Harness faults: out of every other number of this row."""
    passed: Estimate | None
    """Rate of trials whose checks all passed, with its Wilson interval."""
    exact: bool = False
    """Whether nothing scatters: trials of each case sent the same to a scripted or replayed model,
    so that an interval would say nothing."""
    model_calls: float | None = None
    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    tool_calls: float | None = None
    coordination_calls: float | None = None
    """Median model calls of agents that only coordinate; None where nobody does."""
    coordination_tokens: float | None = None
    """Median prompt and completion tokens of those calls; None where nobody coordinates."""
    wall_s: float | None = None
    cpu_s: float | None = None
    """Median over warm trials; over cold ones when there are no others."""
    cold: bool = False
    """`cpu_s` comes from first trials of a process."""
    peak_rss_mb: float | None = None
    """Highest resident memory of the worker process."""
    extra_calls: float | None = None
    """Framework tax: model calls above the leanest runner under the same conditions."""
    extra_prompt_tokens: float | None = None
    """Framework tax: prompt tokens above the leanest runner under the same conditions."""
    meter: MeterState | None = None
    """Whether the usage that the framework reports equals what the wire told it; None when no
    runner returned."""
    meter_mismatches: int = 0
    """Trials in which it differs: each is a `meter_mismatch`."""
    meter_difference: Meter | None = None
    """Of the trial that is off most; None without a mismatch."""
    sources: tuple[str, ...] = ()
    """Where answers came from: `scripted`, `live`, `recorded`."""
    cost_usd: float | Literal["unknown"] | None = None
    """Median US dollars per trial; None when nobody bills."""
    first_token_s: float | None = None
    """Median seconds to the first content of a streamed answer, over calls."""
    gap_p50_ms: float | None = None
    """Median of the milliseconds between content chunks, over all streams."""
    gap_p95_ms: float | None = None
    gateway_retries: int = 0
    """Sum over trials: attempts after which the gateway tried again."""
    fallbacks: int = 0
    """Sum over trials: calls that went on to another model."""
    swallowed: int = 0
    """Sum over trials: streams without a finish reason that the framework took for whole."""
    user_tokens: float | None = None
    """Median tokens of the simulated user; in no other number of this row."""
    user_cost_usd: float | Literal["unknown"] | None = None
    """Median US dollars of the simulated user."""


def _row(head: Row, trials: Sequence[Trial]) -> Row:
    counted = [measure(trial) for trial in trials if trial.outcome not in OUT_OF_COUNT]
    head = replace(head, trials=len(trials), faults=len(trials) - len(counted))
    if not counted:
        return head
    warm = [one for one in counted if not one.cold] or counted
    medians = {
        name: median(getattr(one, name) for one in counted)
        for name in ("model_calls", "prompt_tokens", "completion_tokens", "tool_calls", "wall_s")
    }
    sums = {
        name: sum(getattr(one, name) for one in counted)
        for name in ("gateway_retries", "fallbacks", "swallowed")
    }
    if any(trial.pattern and coordinators(trial.pattern) for trial in trials):
        medians |= {
            name: median(getattr(one, name) for one in counted)
            for name in ("coordination_calls", "coordination_tokens")
        }
    gaps = [gap for one in counted for gap in one.gaps_ms]
    with_user = [one for one in counted if one.user_calls]
    return _metered(replace(
        head, exact=nothing_scatters([t for t in trials if t.outcome not in OUT_OF_COUNT]),
        passed=wilson(sum(one.passed for one in counted), len(counted)),
        cpu_s=median(one.cpu_s for one in warm), cold=warm[0].cold,
        peak_rss_mb=max(one.peak_rss_mb for one in counted),
        sources=tuple(sorted({source for one in counted for source in one.sources})),
        cost_usd=_cost([one.cost_usd for one in counted if one.billed]),
        first_token_s=quantile([s for one in counted for s in one.first_tokens_s], 0.5),
        gap_p50_ms=quantile(gaps, 0.5), gap_p95_ms=quantile(gaps, 0.95),
        user_tokens=median(one.user_tokens for one in with_user) if with_user else None,
        user_cost_usd=_cost([one.user_cost_usd for one in with_user if one.user_billed]),
        **medians, **sums,
    ), counted)


def _cost(costs: Sequence[float | None]) -> float | Literal["unknown"] | None:
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        return "unknown"
    return median(known) if known else None


def _metered(row: Row, counted: Sequence[Measured]) -> Row:
    """Add what frameworks report of themselves; a runner that raised could not report."""
    answered = [one for one in counted if one.answered]
    if not answered:
        return row
    off = [one.meter for one in answered if one.meter and one.meter.mismatch]
    if off:
        return replace(
            row, meter="mismatch", meter_mismatches=len(off),
            meter_difference=max(off, key=lambda meter: meter.size),
        )
    silent = any(one.meter is None or one.meter.silent for one in answered)
    return replace(row, meter="not_reported" if silent else "equal")


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


def summarize(
    trials: Iterable[Trial], not_supported: Sequence["NotSupported"] = ()
) -> list[Row]:
    """Return one row per scenario, conditions and runner version, in order of name; what a runner
    does not support comes after what it was asked beside."""

    def cell(trial: Trial) -> tuple[str, Condition, str]:
        return (trial.key.scenario, Condition.of(trial),
                f"{trial.key.runner} {trial.key.runner_version}")

    rows = []
    for (scenario, condition, runner), group in groupby(sorted(trials, key=cell), key=cell):
        head = Row(scenario=scenario, runner=runner, condition=condition, trials=0, faults=0,
                   passed=None)
        rows.append(_row(head, list(group)))
    compared: list[Row] = []
    for (scenario, condition), some in groupby(rows, key=lambda row: (row.scenario, row.condition)):
        compared += _with_tax(list(some))
        compared += [
            Row(scenario=scenario, runner=f"{cell.runner} {cell.version}",
                condition=condition, trials=0, faults=0, passed=None, not_supported=cell.why)
            for cell in not_supported if cell.scenario == scenario
        ]
    return compared
