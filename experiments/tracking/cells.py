"""What MLflow shows of one cell of a matrix: metrics, parameters and tags. Pure, without MLflow.

A cell is a line of the comparison table: one scenario, runner, version and conditions. Every mean
has its interval beside it as NAME.low and NAME.high; NAME.n says over how many trials it is, where
that is not all that count. Where nothing scatters there is no interval.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from agentdyno.core.canonical import content_hash
from agentdyno.core.trial import Trial
from agentdyno.evals.statistics.rates import clustered_mean
from agentdyno.evals.statistics.values import Values
from agentdyno.experiments.compare.metrics import METRICS, Metric, check_metric, values_of
from agentdyno.experiments.summary import Condition, Row, summarize
from agentdyno.store.executions import Execution

_NO_NAME = re.compile(r"[^\w\-. :/]", re.ASCII)
_COUNTS = ("extra_calls", "extra_prompt_tokens", "peak_rss_mb", "meter_mismatches",
           "gateway_retries", "fallbacks", "swallowed")
_LONGEST = 5_000


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One line of the table with the trials behind it."""

    row: Row
    trials: tuple[Trial, ...]
    executions: tuple[Execution, ...]
    """Of `trials`, in the same order."""

    @property
    def name(self) -> str:
        """Return what the cell's run is called."""
        condition = self.row.condition
        usual = Condition()
        others = [
            f"{name} {value}" if name != "stream" else "streamed"
            for name, value in asdict(condition).items()
            if name not in ("variant", "model") and value != getattr(usual, name)
        ]
        return " x ".join([self.row.runner, condition.variant, *others])

    @property
    def key(self) -> str:
        """Return what tells the cell from the others of its scenario and matrix: 16 hex digits."""
        return content_hash([self.row.runner, asdict(self.row.condition)])[:16]


def cells_of(trials: Sequence[Trial], executions: Sequence[Execution]) -> tuple[Cell, ...]:
    """Return the cells of a matrix, in the order of its table.

    Args:
        trials: the trials of the matrix.
        executions: which execution of each it is, in the same order.
    """
    behind: dict[tuple[str, str, Condition], list[tuple[Trial, Execution]]] = {}
    for trial, execution in zip(trials, executions, strict=True):
        runner = f"{trial.key.runner} {trial.key.runner_version}"
        place = (trial.key.scenario, runner, Condition.of(trial))
        behind.setdefault(place, []).append((trial, execution))
    found = []
    for row in summarize(trials):
        pairs = behind[row.scenario, row.runner, row.condition]
        pairs.sort(key=lambda pair: (pair[0].key.situation, pair[0].key.repeat))
        found.append(Cell(row=row, trials=tuple(trial for trial, _ in pairs),
                          executions=tuple(execution for _, execution in pairs)))
    return tuple(found)


def metrics_of(cell: Cell) -> dict[str, float]:
    """Return the numbers of a cell, by name."""
    found = {"trials": float(len(cell.trials)), "harness_faults": float(cell.row.faults)}
    checks = dict.fromkeys(verdict.check for trial in cell.trials for verdict in trial.verdicts)
    metrics = (*METRICS.values(), *map(check_metric, checks))
    values = values_of(cell.trials, metrics)
    for metric in metrics:
        found |= _with_interval(cell, metric, values[metric.name])
    for name in _COUNTS:
        value = getattr(cell.row, name)
        if value is not None:
            found[name] = float(value)
    return found


def _with_interval(cell: Cell, metric: Metric, values: Values) -> dict[str, float]:
    every = [value for some in values.values() for value in some]
    if not every:
        return {}
    name = metric_name(metric.name)
    found = {name: sum(every) / len(every)}
    if len(every) != len(cell.trials) - cell.row.faults:
        found[f"{name}.n"] = float(len(every))
    estimate = clustered_mean(values)
    # Where nothing scatters an interval says nothing.
    if estimate is not None and (metric.measured or not cell.row.exact):
        found |= {name: estimate.value, f"{name}.low": estimate.low, f"{name}.high": estimate.high}
    return found


def metric_name(name: str) -> str:
    """Return `name` as MLflow takes it, `check:ID` as `check/ID`."""
    return _NO_NAME.sub("_", name.replace("check:", "check/", 1))


def parameters_of(cell: Cell) -> dict[str, str]:
    """Return what decides what the cell's trials do."""
    key = cell.trials[0].key
    found = {
        "scenario": key.scenario, "runner": key.runner, "runner_version": key.runner_version,
        **{name: str(value) for name, value in asdict(cell.row.condition).items()},
        "pattern": cell.trials[0].pattern.type if cell.trials[0].pattern else "",
        "isolation": key.isolation, "scenario_digest": _all(t.key.scenario_digest
                                                           for t in cell.trials),
        "runner_digest": key.runner_digest,
        "cases": str(len({trial.key.situation for trial in cell.trials})),
        "repeats": str(len({trial.key.repeat for trial in cell.trials})),
    }
    for agent in cell.trials[0].agents:
        found[f"{agent.name}.model"] = agent.model
        found[f"{agent.name}.temperature"] = str(agent.temperature)
        found[f"{agent.name}.tools"] = ", ".join(agent.tools)
    return {_NO_NAME.sub("_", name): value[:_LONGEST] for name, value in found.items()}


def tags_of(cell: Cell) -> dict[str, str]:
    """Return tags of the cell's run: versions of everything, prompts, what its meter says."""
    row = cell.row
    found = {
        "runner": row.runner, "variant": row.condition.variant, "model": row.condition.model,
        "agentdyno.exact": str(row.exact).lower(), "agentdyno.meter": row.meter or "",
        "agentdyno.sources": ", ".join(row.sources),
        "agentdyno.outcomes": ", ".join(
            f"{n} {outcome}" for outcome, n in
            Counter(trial.outcome.value for trial in cell.trials).most_common()
        ),
    }
    for name, versions in versions_of(cell.trials).items():
        found[f"version.{_NO_NAME.sub('_', name)}"] = ", ".join(versions)
    for trial in cell.trials:
        for use in trial.prompts:
            version = "" if use.version is None else f" version {use.version}"
            found[f"prompt.{use.agent}"] = f"{use.name}{version} sha256:{use.sha256}"
    return {name: value[:_LONGEST] for name, value in found.items() if value}


def versions_of(trials: Iterable[Trial]) -> dict[str, list[str]]:
    """Return the versions of each package that the trials ran with; more than one is worth a look.
    """
    found: dict[str, set[str]] = {}
    for trial in trials:
        for name, version in trial.report.versions.items():
            found.setdefault(name, set()).add(version)
    return {name: sorted(versions) for name, versions in sorted(found.items())}


def parity_of(cell: Cell) -> list[dict[str, Any]]:
    """Return the parity manifest: what was asked to be equal, and what the framework was given."""
    seen: dict[str, dict[str, Any]] = {}
    for trial in cell.trials:
        for setting in trial.report.parity:
            line = setting.model_dump(mode="json")
            seen.setdefault(json.dumps(line, sort_keys=True), {**line, "trials": 0})["trials"] += 1
    return list(seen.values())


def table_of(cells: Sequence[Cell], metrics: Mapping[str, Mapping[str, float]]) -> list[
        dict[str, Any]]:
    """Return the comparison table: one line per cell, with the numbers that every cell has a name
    for.

    Args:
        cells: the cells of one scenario.
        metrics: numbers by the key of the cell.
    """
    names = dict.fromkeys(name for cell in cells for name in metrics[cell.key])
    return [
        {"runner": cell.row.runner, "variant": cell.row.condition.variant,
         "conditions": _conditions(cell.row.condition), **{
             name: metrics[cell.key].get(name) for name in names}}
        for cell in cells
    ]


def _conditions(condition: Condition) -> str:
    usual = Condition()
    return ", ".join(
        f"{name}={value}" for name, value in asdict(condition).items()
        if name != "variant" and value != getattr(usual, name)
    )


def _all(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(values))


