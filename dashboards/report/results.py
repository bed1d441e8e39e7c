"""What each arm measured, scenario by scenario, and what stands out."""

from collections import Counter
from collections.abc import Sequence

from agentdyno.core.trial import Outcome, Trial
from agentdyno.dashboards.report import words
from agentdyno.dashboards.report.arms import Cell
from agentdyno.dashboards.report.table import Table
from agentdyno.evals.statistics.rates import clustered_mean
from agentdyno.evals.statistics.values import Values
from agentdyno.evals.stats import wilson
from agentdyno.experiments.compare.metrics import METRICS, OUT_OF_COUNT, values_of
from agentdyno.experiments.fingerprint import nothing_scatters
from agentdyno.experiments.measured import reconcile

_SHOWN = ("model_calls", "prompt_tokens", "completion_tokens", "tool_calls", "cost_usd", "wall_s",
          "cpu_s")
_HEADS = {
    "model_calls": "model calls", "prompt_tokens": "prompt tokens",
    "completion_tokens": "completion tokens", "tool_calls": "tool calls", "cost_usd": "cost USD",
    "wall_s": "wall s", "cpu_s": "CPU s",
}
NOTE = (
    "Passed: share of counted trials whose checks all passed, with Wilson's interval. Everything "
    "else: mean per trial with a 95 % interval that knows which trials share a case (Student's t). "
    "CPU: the framework's own process, warm trials. exact: the trials of a case sent the same, "
    "byte for byte, to a model that plays a script or a recording, so that nothing scatters. "
    "always: all trials measured the same."
)


def result_tables(cells: Sequence[Cell]) -> tuple[Table, ...]:
    """Return one table for each scenario: a line per arm."""
    scenarios = sorted({trial.key.scenario for cell in cells for trial in cell.trials})
    return tuple(_table(scenario, cells) for scenario in scenarios)


def _table(scenario: str, cells: Sequence[Cell]) -> Table:
    lines = []
    seen: set[str] = set()
    for cell in cells:
        trials = [trial for trial in cell.trials if trial.key.scenario == scenario]
        if not trials:
            continue
        counted = [trial for trial in trials if trial.outcome not in OUT_OF_COUNT]
        values = values_of(counted, [METRICS[name] for name in ("passed", *_SHOWN)])
        seen |= {name for name in _SHOWN if any(values[name].values())}
        lines.append((cell.name, trials, counted, values))
    shown = [name for name in _SHOWN if name in seen]
    return Table(
        caption=scenario,
        head=("arm", "trials", "passed [95 % CI]", *(_HEADS[name] for name in shown)),
        rows=tuple(
            (name, _count(trials, counted), _passed(counted),
             *(_mean(values[metric], metric, nothing_scatters(counted)) for metric in shown))
            for name, trials, counted, values in lines
        ),
    )


def _count(trials: Sequence[Trial], counted: Sequence[Trial]) -> str:
    spoiled = len(trials) - len(counted)
    return f"{len(trials)} ({spoiled} do not count)" if spoiled else str(len(trials))


def _passed(counted: Sequence[Trial]) -> str:
    found = wilson(sum(map(_good, counted)), len(counted))
    return words.rate(found, exact=bool(counted) and nothing_scatters(counted))


def _mean(values: Values, metric: str, exact: bool) -> str:
    every = [value for some in values.values() for value in some]
    if len(every) > 1 and len(set(every)) == 1:
        same = f"{every[0]:.4g}" if metric == "cost_usd" else words.amount(every[0])
        return f"{same} exact" if exact and not METRICS[metric].measured else f"{same} always"
    found = clustered_mean(values) if len(every) > 1 else None
    if found is not None and metric == "cost_usd":
        return f"{found.value:.4g} [{found.low:.4g}, {found.high:.4g}]"
    return words.quantity(
        found, alone=every[0] if len(every) == 1 else None,
        exact=exact and not METRICS[metric].measured,
    )


def _good(trial: Trial) -> bool:
    return bool(trial.verdicts) and all(verdict.status == "pass" for verdict in trial.verdicts)


def attention(cells: Sequence[Cell]) -> tuple[str, ...]:
    """Return what a reader should look at first, one sentence each."""
    said = []
    for cell in cells:
        outcomes = Counter(trial.outcome for trial in cell.trials)
        if spoiled := outcomes[Outcome.HARNESS_FAULT]:
            said.append(
                f"{cell.name}: the bench spoiled {spoiled} of {len(cell.trials)} trials; they are"
                " in no number."
            )
        if flaky := _flaky(cell):
            said.append(f"{cell.name} is flaky on {words.listing(flaky)}: its trials differ.")
        if off := sum((found := reconcile(trial)) is not None and found.mismatch
                      for trial in cell.trials):
            said.append(
                f"{cell.name}: in {off} of {len(cell.trials)} trials the framework reports another"
                " usage than the wire told it (meter_mismatch)."
            )
        unsure = sum(v.status in ("inconclusive", "error") for t in cell.trials for v in t.verdicts)
        if unsure:
            said.append(f"{cell.name}: {unsure} verdicts are inconclusive or in error.")
    return tuple(said)


def _flaky(cell: Cell) -> list[str]:
    counted = [trial for trial in cell.trials if trial.outcome not in OUT_OF_COUNT]
    passed = values_of(counted, [METRICS["passed"]])["passed"]
    return sorted(case for case, values in passed.items() if len(set(values)) > 1)
