"""Runs a suite for `gate` and `bless`, and keeps its recordings for `bless --record`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agentdyno.cli.database import open_database
from agentdyno.cli.progress import RunView
from agentdyno.cli.session import run_matrix
from agentdyno.core.errors import HarnessFault, UsageError
from agentdyno.core.event import WireRecord
from agentdyno.core.settings import RunOptions, Settings
from agentdyno.core.trial import Trial
from agentdyno.core.yamlproblem import nearest
from agentdyno.experiments.gate.observe import Ran
from agentdyno.experiments.gate.suites import LoadedSuite, options_of, runners_of
from agentdyno.experiments.request import Request
from agentdyno.experiments.session import Report
from agentdyno.experiments.sources import UNRECORDED
from agentdyno.models.cassette.cassette import Cassette
from agentdyno.models.cassette.library import CassetteLibrary
from agentdyno.store.trials import TrialStore

Recorded = tuple[Trial, Sequence[WireRecord]]


@dataclass(kw_only=True)
class SuiteRun:
    """What a run of a suite brought."""

    ran: Ran
    report: Report
    skipped: tuple[str, ...]
    """Why runners could not be started."""


@dataclass(eq=False)
class _Seen:
    requests: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Request:
        self.requests.append(request)
        return request


def chosen(loaded: LoadedSuite, runners: tuple[str, ...]) -> tuple[str, ...]:
    """Return the suite's runners that a user names, each in the suite's version unless he says one.

    Raises:
        UsageError: the suite has no such runner.
    """
    own = dict(zip(runners_of(loaded), loaded.suite.runners or runners_of(loaded), strict=True))
    for name in (runner.partition("@")[0] for runner in runners):
        if name not in own:
            raise UsageError(
                f"suite {loaded.suite.name!r} has no runner {name!r}{nearest(name, own)}.",
                f"it has {', '.join(own)}",
            )
    return tuple(runner if "@" in runner else own[runner] for runner in runners)


async def run_suite(settings: Settings, options: RunOptions, view: RunView) -> SuiteRun:
    """Run what is missing of a suite; returns all its trials with their wire."""
    seen = _Seen()
    report, trials = await run_matrix(settings, options, view, seen)
    (request,) = seen.requests
    async with open_database(settings) as pool:
        store = TrialStore(pool)
        recorded = [(trial, await store.wire(trial.id)) for trial in trials]
    return SuiteRun(
        report=report, skipped=tuple(f"{name}: {why}" for name, why in report.skipped.items()),
        ran=Ran(
            situations=[one.loaded.situation for one in request.scenarios],
            runners=[spec.partition("@")[0] for spec in options.runners],
            checks={
                one.loaded.situation: one.loaded.scenario.checks for one in request.scenarios
            },
            trials=recorded,
        ),
    )


async def record_suite(
    loaded: LoadedSuite, settings: Settings, options: RunOptions, view: RunView
) -> int:
    """Run a suite by its live model, or else by the scripted one, and keep every trial's cassette
    where a replay finds it; returns how many.

    Raises:
        UsageError: the suite does not replay.
        HarnessFault: a trial ended in a way that leaves a recording broken off.
    """
    if loaded.suite.model != "replay":
        raise UsageError(
            f"suite {loaded.suite.name!r} does not replay: it has model: {loaded.suite.model}.",
            "leave out --record",
        )
    done = await run_suite(settings, _recording(loaded, options), view)
    bad = [trial for trial, _ in done.ran.trials if trial.outcome in UNRECORDED]
    if bad or done.skipped or done.report.missing or done.report.interrupted:
        why = "; ".join([
            *(f"{trial.key.situation} on {trial.key.runner} ended with {trial.outcome}"
              for trial in bad[:3]), *done.skipped,
        ])
        raise HarnessFault(f"not everything could be recorded: {why or 'the run was stopped'}.",
                           f"agentdyno show {bad[0].id[:10]}" if bad else "agentdyno doctor")
    if loaded.suite.llm is None:
        library = CassetteLibrary(loaded.cassettes)
        for trial, wire in done.ran.trials:
            library.save(Cassette.of(trial, wire))
    return len(done.ran.trials)


def _recording(loaded: LoadedSuite, options: RunOptions) -> RunOptions:
    """Return what `run` is asked for to record a suite."""
    return options_of(
        loaded, runners=options.runners, concurrency=options.concurrency, fresh=options.fresh,
        env_file=options.env_file, model="record" if loaded.suite.llm else "scripted",
    )


def key_file() -> Path | None:
    """Return the file of API keys of the working folder, where there is one."""
    return Path(".env") if Path(".env").is_file() else None
