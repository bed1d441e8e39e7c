"""Trials that ran -> the form in which a baseline keeps them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentdyno import __version__
from agentdyno.core.check import CheckSpec
from agentdyno.core.event import WireRecord
from agentdyno.core.suite import Suite
from agentdyno.core.trial import Outcome, Trial
from agentdyno.experiments.compare.metrics import METRICS, OUT_OF_COUNT, Metric
from agentdyno.experiments.gate.baseline import Baseline, Cell, Definition, KeptTrial
from agentdyno.experiments.gate.families import family_of
from agentdyno.experiments.gate.wireprint import WirePrint, print_wire
from agentdyno.experiments.measured import measure
from agentdyno.models.cassette.miss import MISSED

_MISSES = (MISSED, "no recorded result answers ", "the recording has other tools ")
"""How the reasons of trials begin that asked for what is not on their cassette."""
_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class Ran:
    """Everything that a run of a suite brought."""

    situations: Sequence[str]
    """What was asked for, by name."""
    runners: Sequence[str]
    """Runners that were asked for, without versions."""
    checks: Mapping[str, Sequence[CheckSpec]]
    """Checks of each situation."""
    trials: Sequence[tuple[Trial, Sequence[WireRecord]]]


def metrics_of(suite: Suite) -> tuple[Metric, ...]:
    """Return the metrics of a suite, without its checks: those that it names, else those that no
    clock decides and those that it gives a margin."""
    if suite.metrics is not None:
        return tuple(METRICS[name] for name in suite.metrics if name in METRICS)
    return tuple(
        metric for metric in METRICS.values() if not metric.measured or metric.name in suite.margins
    )


def judges_checks(suite: Suite, family: str) -> bool:
    """Tell whether a family of checks is judged."""
    wanted = suite.metrics
    return wanted is None or "checks" in wanted or f"check:{family}" in wanted


def observe(suite: Suite, ran: Ran) -> Baseline:
    """Return what ran, as a baseline would keep it; equal runs give equal baselines."""
    wires: dict[str, WirePrint] = {}
    kept: dict[tuple[str, str], list[tuple[Trial, KeptTrial]]] = {}
    metrics = metrics_of(suite)
    for trial, wire in ran.trials:
        printed = print_wire(trial, wire, answers_vary=suite.model == "live")
        wires[printed.digest] = printed
        place = (trial.key.runner, trial.key.situation)
        kept.setdefault(place, []).append((trial, _kept(trial, printed.digest, metrics)))
    definition = Definition(
        situations=tuple(sorted(ran.situations)), runners=tuple(sorted(ran.runners)),
        model=suite.model, tools=suite.tool_source, retries=suite.retries, stream=suite.stream,
    )
    return Baseline(
        suite=suite.name, digest=definition.digest, harness=__version__, definition=definition,
        cells=tuple(_cell(kept[place], ran.checks) for place in sorted(kept)),
        wires={name: wires[name] for name in sorted(wires)},
    )


def _kept(trial: Trial, wire: str, metrics: Sequence[Metric]) -> KeptTrial:
    values = {}
    if trial.outcome not in OUT_OF_COUNT:
        seen = measure(trial)
        values = {
            metric.name: round(float(value), _DIGITS) for metric in metrics
            if (value := metric.of(trial, seen)) is not None
        }
    return KeptTrial(
        id=trial.id, repeat=trial.key.repeat, outcome=trial.outcome.value,
        reason=trial.reason if trial.outcome in OUT_OF_COUNT else "",
        missed=trial.outcome is Outcome.HARNESS_FAULT and trial.reason.startswith(_MISSES),
        values=values, wire=wire,
        verdicts={verdict.check: verdict.status for verdict in trial.verdicts},
    )


def _cell(
    found: Sequence[tuple[Trial, KeptTrial]], checks: Mapping[str, Sequence[CheckSpec]]
) -> Cell:
    first = found[0][0].key
    specs = checks.get(first.situation, ())
    names = {verdict.check for trial, _ in found for verdict in trial.verdicts}
    return Cell(
        situation=first.situation, runner=first.runner, version=first.runner_version,
        scenario_digest=first.scenario_digest[:16], harness=__version__,
        families={name: family_of(name, specs) for name in sorted(names)},
        trials=tuple(sorted((one for _, one in found), key=lambda one: one.repeat)),
    )
