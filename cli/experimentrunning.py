"""The work of `agentdyno experiment run`: look by look, as planned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from agentdyno.cli.database import open_database
from agentdyno.cli.progress import RunView
from agentdyno.cli.session import run_matrix
from agentdyno.core.errors import HarnessFault
from agentdyno.core.settings import Settings
from agentdyno.core.trial import Outcome, Trial
from agentdyno.experiments.abtest.design import make_design
from agentdyno.experiments.abtest.judge import judge, verdict_json
from agentdyno.experiments.abtest.observed import Observation, observe
from agentdyno.experiments.abtest.reading import LoadedExperiment
from agentdyno.experiments.abtest.standing import Standing, standing_of
from agentdyno.experiments.abtest.versions import seen_before, version_of
from agentdyno.experiments.request import read_request
from agentdyno.experiments.session import Report
from agentdyno.store.database import Pool
from agentdyno.store.experiments import ExperimentStore, LookRow


class LookView(RunView):
    """A run of an experiment: its trials may fail, that is what is measured."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._errors = console

    def ended(self, trial: Trial) -> None:
        """Advance the runner's bar, and say what the bench spoiled."""
        self._bars.advance(self._labels[trial.id])
        if trial.outcome is Outcome.HARNESS_FAULT:
            reason = trial.reason.splitlines()[0] if trial.reason else ""
            self._errors.print(
                f"[red]{trial.outcome}[/] {escape(trial.key.place)}: {escape(reason)}"
            )


@dataclass(frozen=True, kw_only=True)
class How:
    """How far to run, and by whom."""

    who: str
    concurrency: int = 2
    looks: int | None = None
    """Looks after which to stop for now."""
    new_version: bool = False
    env_file: Path | None = None
    mlflow: bool = True
    budgets: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `RunOptions` that bound what a look and a day may cost."""


@dataclass(kw_only=True)
class Conducted:
    """What a call of `experiment run` brought."""

    standing: Standing
    reports: list[Report] = field(default_factory=list)

    @property
    def interrupted(self) -> bool:
        """Tell whether somebody stopped it."""
        return any(report.interrupted for report in self.reports)

    @property
    def stopped(self) -> str:
        """Return why it stopped itself, such as a budget; "" when it did not."""
        return next((report.stopped for report in self.reports if report.stopped), "")


async def conduct(
    settings: Settings, loaded: LoadedExperiment, how: How, console: Console
) -> Conducted:
    """Run an experiment until it is decided, its size has run, or it is stopped.

    Raises:
        UsageError: it changed since it began, or another process runs it.
        HarnessFault: a runner cannot be started, or the bench spoils too much to go on.
    """
    asked = loaded.experiment
    arms = (asked.baseline, *asked.challengers)
    options = loaded.options(trials=1, arms=arms, env_file=how.env_file)
    request = await read_request(settings, options, loaded.declared)
    _all_there(request.unresolved)
    design = make_design(loaded, request)
    async with open_database(settings) as pool:
        store = ExperimentStore(pool)
        async with store.running(asked.name):
            row = await version_of(store, asked, design, who=how.who, new=how.new_version)
            if (note := seen_before(row)) and not await store.looks(row.id):
                console.print(note, style="yellow", markup=False, soft_wrap=True)
            done = Conducted(standing=await standing_of(pool, row))
            while _goes_on(done, how):
                report = await _look(settings, loaded, how, pool, done.standing, console)
                done.reports.append(report)
                done.standing = await standing_of(pool, row)
            return done


def _goes_on(done: Conducted, how: How) -> bool:
    return (
        done.standing.state in ("planned", "running")
        and (how.looks is None or len(done.reports) < how.looks)
        and not done.interrupted and not done.stopped
    )


def _all_there(missing: Mapping[str, Exception]) -> None:
    for label, error in missing.items():
        raise HarnessFault(
            f"runner {label} cannot be had, and an experiment is run on all its runners or not at"
            f" all: {error}", "agentdyno doctor, or take it out of the experiment",
        )


async def _look(
    settings: Settings, loaded: LoadedExperiment, how: How, pool: Pool, now: Standing,
    console: Console,
) -> Report:
    design = now.design
    rounds = min(design.rounds, now.rounds + design.rounds_per_look)
    options = loaded.options(
        trials=rounds, arms=now.active, concurrency=how.concurrency, env_file=how.env_file,
        mlflow=how.mlflow, more=how.budgets,
    )
    number = len(now.looks) + 1
    console.print(
        f"look {number}: {', '.join(now.active)}, up to repeat {rounds} of {design.rounds}",
        style="dim", markup=False,
    )
    with LookView(console) as view:
        report, trials = await run_matrix(settings, options, view, declared=loaded.declared)
    _all_there(report.skipped)
    if report.interrupted or report.stopped:
        return report
    if trials and all(trial.outcome is Outcome.HARNESS_FAULT for trial in trials):
        raise HarnessFault(
            f"no trial of look {number} counts: {trials[0].reason.splitlines()[0]}",
            f"agentdyno show {trials[0].id[:10]}",
        )
    await _keep(pool, now, report, trials, rounds)
    return report


async def _keep(
    pool: Pool, now: Standing, report: Report, trials: Sequence[Trial], rounds: int
) -> None:
    metrics = (now.experiment.metric, *now.experiment.guards)
    observed: dict[str, list[Observation]] = dict(now.observations)
    ids: dict[str, list[str]] = {}
    for arm in now.active:
        own = [trial for trial in trials if trial.key.variant == arm]
        ids[arm] = [trial.id for trial in own]
        observed[arm] = observe(arm, own, metrics)
    verdicts = judge(
        now.experiment, now.design, observed, complete=rounds >= now.design.rounds
    )
    await ExperimentStore(pool).keep_look(now.row.id, LookRow(
        look=len(now.looks) + 1, matrix_id=report.matrix_id, rounds=rounds,
        said={"verdicts": [verdict_json(one) for one in verdicts]}, looked_at=datetime.now(UTC),
    ), ids)
