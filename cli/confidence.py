"""`agentdyno confidence`: the figure of each trial, and its calibration against the verdicts."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentdyno.cli.context import load_settings, stdout_console
from agentdyno.cli.judgemarks import print_marks
from agentdyno.core.trial import Outcome, Trial
from agentdyno.evals.confidence import Calibration, calibrate
from agentdyno.evals.confidence import confidence as confidence_in
from agentdyno.evals.signals import Signals, signals

_NO_VERDICT = (Outcome.HARNESS_FAULT, Outcome.CANCELLED)
_SIGNALS = tuple(field.name for field in dataclasses.fields(Signals))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Told:
    """One trial with its figure."""

    trial: Trial
    signals: Signals
    figure: float | None
    passed: bool


@click.command()
@click.option("--scenario", help="Only trials of this scenario.")
@click.option("--runner", help="Only trials of this runner.")
@click.option("--run", "matrix", help="Only trials that this `run` executed, by its id.")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True,
              help="At most this many trials, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Trials and calibration as JSON.")
def confidence(
    scenario: str | None, runner: str | None, matrix: str | None, limit: int, as_json: bool
) -> int:
    """Show the confidence in stored trials, and how well it foretells their verdicts.

    The figure comes from signals alone (tool success, schema validity, citations, steadiness,
    agreement), never from checks; design/confidence.md has the formula.
    """
    from agentdyno.cli.database import open_database, run_async
    from agentdyno.store.trials import TrialStore

    async def main() -> list[Trial]:
        async with open_database(load_settings()) as pool:
            store = TrialStore(pool)
            rows = await store.list(
                scenario=scenario, runner=runner, matrix_id=matrix, limit=limit
            )
            return await store.load([row.id for row in rows])

    told = [_told(trial) for trial in run_async(main()) if trial.outcome not in _NO_VERDICT]
    found = calibrate([(one.figure, one.passed) for one in told if one.trial.verdicts])
    if as_json:
        click.echo(json.dumps({
            "trials": [_as_json(one) for one in told],
            "calibration": found and {**dataclasses.asdict(found), "skill": found.skill},
        }, indent=2, default=lambda noun: noun.model_dump()))
        return 0
    print_confidence(stdout_console(), told, found)
    print_marks(stdout_console(), [one.trial for one in told])
    return 0


def _told(trial: Trial) -> Told:
    found = signals(trial)
    passed = bool(trial.verdicts) and all(v.status == "pass" for v in trial.verdicts)
    return Told(
        trial=trial, signals=found, figure=confidence_in(trial, found), passed=passed
    )


def _as_json(one: Told) -> dict[str, Any]:
    return {
        "trial": one.trial.id, "confidence": one.figure, "passed": one.passed,
        "signals": dataclasses.asdict(one.signals),
    }


def print_confidence(
    console: Console, told: Sequence[Told], calibration: Calibration | None
) -> None:
    """Print one line per trial, the reliability curve and the Brier score."""
    if not told:
        console.print("no trial is stored that fits; try: agentdyno run investment_analysis")
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("trial", "scenario", "runner", "passed", "confidence", *_SIGNALS):
        table.add_column(name.replace("_", "\n"), no_wrap=True, vertical="bottom")
    for one in told:
        key = one.trial.key
        table.add_row(
            one.trial.id[:10], Text(key.scenario), Text(f"{key.runner} {key.runner_version}"),
            Text("yes", "green") if one.passed else Text("no", "red"), _figure(one.figure),
            *(_figure(getattr(one.signals, name)) for name in _SIGNALS),
        )
    console.print(table)
    if calibration is None:
        console.print("no calibration: no trial has both a figure and verdicts")
        return
    _print_calibration(console, calibration)


def _print_calibration(console: Console, found: Calibration) -> None:
    curve = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("confidence", "trials", "mean", "passed [95 % CI]"):
        curve.add_column(name)
    for each in found.bins:
        share = each.passed
        curve.add_row(
            f"{each.low:.1f} to {each.high:.1f}", str(share.n), f"{each.mean:.2f}",
            f"{share.value:.2f} [{share.low:.2f}, {share.high:.2f}]",
        )
    console.print(curve)
    skill = (
        "all outcomes are the same, so it cannot be told whether the figure foretells them"
        if found.skill is None else
        f"{found.base:.3f} for always saying the share that passed, so skill {found.skill:+.2f}"
    )
    console.print(f"Brier score {found.brier:.3f} over {found.n} trials ({skill}); "
                  f"reliability {found.reliability:.3f}")
    if found.without:
        console.print(f"{found.without} trials give no signal and are left out")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
