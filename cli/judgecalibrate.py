"""Everything that a calibration needs, read and opened for the command line."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from agentdyno.cli.asides import open_ledger
from agentdyno.cli.database import open_database
from agentdyno.core.calibration import Calibration
from agentdyno.core.canonical import content_hash
from agentdyno.core.checkjudge import JudgeCheck
from agentdyno.core.errors import UsageError
from agentdyno.core.settings import RunOptions, Settings
from agentdyno.core.trial import Trial, TrialKey
from agentdyno.core.yamlproblem import nearest
from agentdyno.evals.judges import library
from agentdyno.evals.judges.labels import Labelled, read_labels
from agentdyno.experiments.bench import open_bench
from agentdyno.experiments.calibrations import RUNNER, Asked, calibrate
from agentdyno.experiments.plan import Prepared, trial_id
from agentdyno.experiments.request import Request, read_request
from agentdyno.experiments.sources import open_budgets, open_sources
from agentdyno.models.gateway import ModelGateway
from agentdyno.scenarios.loader import LoadedScenario
from agentdyno.store.database import Pool
from agentdyno.store.trials import TrialStore
from agentdyno.tools.gateway import ToolGateway


async def calibrate_judge(
    settings: Settings, options: RunOptions, file: Path, check_id: str | None, *, positions: bool
) -> Calibration:
    """Hold the judge of a scenario against the labels in `file`.

    Raises:
        UsageError: there is no such scenario, check or stored trial, or nothing to compare.
        InputError: the problems of `file`, or of the scenario.
    """
    cases = read_labels(file)
    request = await read_request(settings, options)
    prepared = request.scenarios[0]
    check = _check(prepared.loaded, check_id)
    async with _store(settings, request, cases) as pool:
        stored = {} if pool is None else await _trials(pool, cases)
        asked = _asked(options, prepared, check, cases, stored, file, positions)
        async with (
            open_ledger(settings, request, pool) as ledger,
            open_budgets(request, ledger, None) as budgets,
            open_sources(request, budgets) as sources,
            open_bench(ModelGateway(), ToolGateway({})) as bench,
        ):
            found, trial, wire = await calibrate(bench, sources, asked)
            sources.keep(trial, wire)
    return found


def _check(loaded: LoadedScenario, check_id: str | None) -> JudgeCheck:
    judges = {c.id: c for c in loaded.scenario.checks if isinstance(c, JudgeCheck)}
    if check_id is None and len(judges) == 1:
        return next(iter(judges.values()))
    if check_id in judges:
        return judges[check_id]
    name, there = loaded.scenario.name, ", ".join(judges) or "none"
    if check_id is None and judges:
        raise UsageError(f"scenario {name!r} has several judges: {there}.", "name one with --check")
    near = nearest(check_id, judges) if check_id else ""
    wanted = f" {check_id!r}{near}" if check_id else ""
    raise UsageError(f"scenario {name!r} has no check of type judge{wanted}; there is: {there}.",
                     "agentdyno judge calibrate --help")


def _asked(
    options: RunOptions, prepared: Prepared, check: JudgeCheck, cases: Sequence[Labelled],
    stored: dict[str, Trial], file: Path, positions: bool,
) -> Asked:
    loaded = prepared.loaded
    names = ", ".join(dict.fromkeys(choice.model for choice in prepared.choices.values()))
    asks = [case.model_dump(mode="json") for case in cases]
    key = TrialKey(
        scenario=loaded.scenario.name, case=loaded.case, runner=RUNNER,
        scenario_digest=content_hash([check.model_dump(mode="json"), asks, positions]),
        runner_version=library.version(), runner_digest="", variant=f"{check.id}-{file.stem}",
        model="scripted" if prepared.script else names or options.model,
        model_digest=prepared.script.digest if prepared.script else names, seed=options.seed,
    )
    return Asked(
        id=trial_id(key), key=key, scenario=loaded, check=check, cases=cases, stored=stored,
        file=file, script=prepared.script, choices=prepared.choices, positions=positions,
    )


@contextlib.asynccontextmanager
async def _store(
    settings: Settings, request: Request, cases: Sequence[Labelled]
) -> AsyncIterator[Pool | None]:
    """Open the database where it is needed: for stored trials, and for what live calls cost."""
    if request.catalogue is None and all(case.trial is None for case in cases):
        yield None
        return
    async with open_database(settings) as pool:
        yield pool


async def _trials(pool: Pool, cases: Sequence[Labelled]) -> dict[str, Trial]:
    store = TrialStore(pool)
    return {case.trial: await store.get(case.trial) for case in cases if case.trial is not None}
