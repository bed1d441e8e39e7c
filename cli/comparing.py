"""Loads the trials of arms, and what slices go by."""

from collections.abc import Sequence

from agentdyno.cli.context import load_settings, stderr_console
from agentdyno.cli.database import open_database, run_async
from agentdyno.cli.progress import RunView
from agentdyno.cli.session import explain, run_matrix
from agentdyno.core.errors import DynoError, UsageError
from agentdyno.core.settings import RunOptions
from agentdyno.core.trial import Trial
from agentdyno.experiments.compare.arms import make_arms, parse_arm
from agentdyno.experiments.compare.compare import Arm, Facts
from agentdyno.runners.own import is_own, resolve_own
from agentdyno.runners.registry import list_runners
from agentdyno.scenarios.loader import load_cases
from agentdyno.store.trials import TrialStore


async def load_arms(
    texts: Sequence[str], scenarios: Sequence[str], limit: int, *, lenient: bool = False
) -> tuple[Arm, ...]:
    """Return the arms that `texts` name, with their stored trials of `scenarios`.

    Args:
        lenient: leave out arms without any stored trial instead of refusing them.

    Raises:
        UsageError: an arm is unknown or without trials, or the arms are not comparable.
    """
    async with open_database(load_settings()) as pool:
        store = TrialStore(pool)
        rows = await store.list(limit=limit)
        known = {row.runner for row in rows} | {row.name for row in list_runners()}
        specs = [parse_arm(text, sorted(known)) for text in texts]
        wanted = {
            spec.text: [
                row.id for row in rows
                if spec.holds(row) and (not scenarios or row.scenario in scenarios)
            ]
            for spec in specs
        }
        trials = {text: await store.load(ids) for text, ids in wanted.items()}
    kept = [spec for spec in specs if not lenient or any(map(spec.takes, trials[spec.text]))]
    return make_arms(kept, trials)


def run_now(
    runners: Sequence[str], scenarios: Sequence[str], trials: int
) -> tuple[Arm, ...]:
    """Run what is missing of `scenarios` on `runners` and return each one's trials as an arm.

    Raises:
        UsageError: no scenario is named, or no such runner or scenario is there.
    """
    if not scenarios:
        raise UsageError("--now does not know what to run.", "add --scenario NAME")
    options = RunOptions(scenarios=tuple(scenarios), runners=tuple(runners), trials=trials)
    progress = stderr_console()
    with RunView(progress) as view:
        report, found = run_async(run_matrix(load_settings(), options, view))
    explain(progress, report, found)
    names = {runner: resolve_own(runner).label if is_own(runner) else runner for runner in runners}
    labels = {trial.id: trial.runner.label for trial in report.planned}
    return tuple(
        Arm(name=runner, trials=[
            trial for trial in found if name in (labels[trial.id], trial.key.runner)
        ])
        for runner, name in names.items()
    )


def facts_of(trials: Sequence[Trial]) -> dict[str, Facts]:
    """Return what slices go by, by case: the pattern as it ran, tags and difficulty as the scenario
    says now. Of a scenario that is not in the library there is the pattern alone."""
    found = {}
    for trial in trials:
        key = trial.key
        if key.situation in found:
            continue
        pattern = trial.pattern.type if trial.pattern else ""
        try:
            (loaded,) = load_cases(key.scenario, only=key.case)
        except (DynoError, ValueError):
            found[key.situation] = Facts(pattern=pattern)
            continue
        scenario = loaded.scenario
        found[key.situation] = Facts(
            tags=scenario.tags, pattern=pattern, difficulty=scenario.difficulty or ""
        )
    return found
