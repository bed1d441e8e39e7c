"""What proposals are made for: one variant of some scenarios, and the trials in which it failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentdyno.core.errors import UsageError
from agentdyno.core.experiment import Experiment
from agentdyno.core.settings import Settings
from agentdyno.core.trial import Trial
from agentdyno.core.variant import BASELINE, Variant
from agentdyno.experiments.abtest.reading import LoadedExperiment
from agentdyno.experiments.variants import variants_of
from agentdyno.scenarios.loader import LoadedScenario, load_cases
from agentdyno.store.database import Pool
from agentdyno.store.experiments import ExperimentStore
from agentdyno.store.trials import TrialStore

MOST_TRIALS = 500
"""Newest trials of a scenario that are looked at."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Scenarios in the variant that failed."""

    name: str
    """What is called so: the experiment or the scenario."""
    scenarios: Mapping[str, LoadedScenario]
    """By what a user types, in that variant; of scenarios with cases the first one."""
    arm: str
    """Name of the variant."""
    base: Variant
    """The variant itself."""
    taken: tuple[str, ...]
    """Names that variants have already."""
    trials: tuple[Trial, ...]
    """Stored trials of it."""
    experiment: Experiment | None = None
    """Null where only a scenario is named."""
    folder: Path | None = None
    """Folder of the experiment's file."""

    @property
    def prompts(self) -> dict[str, str]:
        """Return the instructions by agent; of several scenarios those of the first with it."""
        found: dict[str, str] = {}
        for loaded in self.scenarios.values():
            found = {**loaded.prompts, **found}
        return found


async def of_experiment(
    pool: Pool, settings: Settings, loaded: LoadedExperiment, arm: str | None
) -> Subject:
    """Return what failed in an experiment: its baseline, or another of its variants.

    Raises:
        UsageError: it was never started, or has no such variant.
    """
    asked = loaded.experiment
    name = arm or asked.baseline
    store = ExperimentStore(pool)
    row = await store.find(asked.name)
    if row is None:
        raise UsageError(f"experiment {asked.name!r} was not started on this database, so nothing "
                         "is known to fail.", f"agentdyno experiment run {loaded.file}")
    ids = (await store.trials(row.id)).get(name, ())
    scenarios, base = await _in_variant(
        loaded.scenarios, name, settings, loaded
    )
    return Subject(
        name=asked.name, scenarios=scenarios, arm=name, base=base, experiment=asked,
        taken=tuple(asked.variants), folder=loaded.file.parent,
        trials=tuple(await TrialStore(pool).load(ids)),
    )


async def of_scenario(
    pool: Pool, settings: Settings, scenario: str, arm: str | None, matrix: str | None
) -> Subject:
    """Return what failed of a scenario in stored trials, in one of its variants.

    Args:
        matrix: id of the only run to look at.

    Raises:
        UsageError: there is no such scenario or variant.
    """
    name = arm or BASELINE
    scenarios, base = await _in_variant((scenario,), name, settings, None)
    [loaded] = scenarios.values()
    store = TrialStore(pool)
    rows = await store.list(
        scenario=loaded.scenario.name, matrix_id=matrix, limit=MOST_TRIALS
    )
    ids = [row.id for row in rows if row.variant == name]
    return Subject(
        name=loaded.scenario.name, scenarios=scenarios, arm=name, base=base,
        taken=tuple(loaded.scenario.variants), trials=tuple(await store.load(ids)),
    )


async def _in_variant(
    names: Sequence[str], arm: str, settings: Settings, experiment: LoadedExperiment | None
) -> tuple[dict[str, LoadedScenario], Variant]:
    declared = experiment.declared if experiment else None
    found: dict[str, LoadedScenario] = {}
    base = Variant()
    for name in names:
        made = list(await variants_of(name, (arm,), settings, declared))
        found[name] = made[0][1]
        known = declared.variants if declared else load_cases(name)[0].scenario.variants
        base = known.get(arm, base)
    return found, base
