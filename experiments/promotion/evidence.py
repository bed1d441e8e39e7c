"""What an experiment has shown of a variant, and what would be promoted of it."""

from pathlib import Path

from pydantic import Field

from agentdyno.core.errors import UsageError
from agentdyno.core.noun import Noun
from agentdyno.core.promotion import STANDING, Installed
from agentdyno.core.variant import BASELINE, Variant
from agentdyno.experiments.abtest.judge import ArmVerdict, Word, verdict_json
from agentdyno.experiments.abtest.reading import find_experiment, read_experiment
from agentdyno.experiments.abtest.standing import Standing, standing
from agentdyno.experiments.promotion.release import Release, release
from agentdyno.scenarios.loader import load_cases
from agentdyno.store.database import Pool
from agentdyno.store.promotions import PromotionLog

GOOD: tuple[Word, ...] = ("better", "equal")
"""Verdicts after which a variant may be promoted; `equal` may be the cheaper one."""


class Evidence(Noun):
    """The verdict on one variant, computed from the trials that there are now."""

    experiment: str
    definition: str
    """Digest of the definition that it is about."""
    variant: str
    verdict: Word
    why: str = ""
    """What keeps the verdict from being another."""
    unproven: dict[str, str] = Field(default_factory=dict)
    """Guards that are not shown to hold: `broken` or `unknown`."""
    said: dict[str, object]
    """The whole verdict, kept in the log."""
    matrices: tuple[str, ...]
    """Runs that it rests on."""

    def check(self, definition: str, variant: str) -> None:
        """Raise `UsageError` unless this is enough to promote `variant`, as `definition` has it."""
        status = f"agentdyno experiment status {self.experiment}"
        what = f"{self.variant} of experiment {self.experiment!r}"
        if (self.definition, self.variant) != (definition, variant):
            raise UsageError(f"what {what} has shown is not about what would be promoted.", status)
        if self.verdict == "running":
            raise UsageError(f"there is no verdict on {what} yet: the experiment is not over.",
                             f"agentdyno experiment run {self.experiment}")
        if self.verdict not in GOOD:
            why = f" ({self.why})" if self.why else ""
            raise UsageError(
                f"the verdict on {what} is {self.verdict}{why}, so it cannot be promoted.", status
            )
        if self.unproven:
            told = ", ".join(
                f"{name} is broken" if word == "broken" else f"{name} may be broken"
                for name, word in self.unproven.items()
            )
            raise UsageError(
                f"{what} is {self.verdict}, but not every guard is shown to hold: {told}.", status
            )


def evidence_of(found: Standing, variant: str) -> Evidence:
    """Return what an experiment has shown of one of its variants.

    Raises:
        UsageError: it has no such variant beside its baseline.
    """
    verdict: ArmVerdict = found.verdict(variant)
    return Evidence(
        experiment=found.row.name, definition=found.row.digest, variant=variant,
        verdict=verdict.word, why=verdict.why, matrices=found.matrices,
        unproven={
            one.question.metric: one.word for one in verdict.guards if one.word != "holds"
        },
        said={
            **verdict_json(verdict), "version": found.row.version, "rounds": found.rounds,
            "planned_rounds": found.design.rounds, "baseline": found.design.baseline,
        },
    )


def name_of(name_or_path: str) -> str:
    """Return the name of an experiment that is given by its name or by its file.

    Raises:
        InputError: the file holds problems.
    """
    path = Path(name_or_path)
    if not path.is_file():
        return name_or_path
    return read_experiment(find_experiment(path)).experiment.name


def scenarios_of(found: Standing) -> tuple[str, ...]:
    """Return the scenarios of an experiment, in alphabetical order."""
    names = {
        name.rpartition(".")[0] for prompts in found.design.prompts.values() for name in prompts
    }
    return tuple(sorted(names))


async def release_of(pool: Pool, found: Standing, variant: str) -> Release:
    """Return what would be promoted of a variant: what the experiment ran, not what files say now.

    Raises:
        UsageError: the experiment has no such variant, or its scenario has changed since.
    """
    prompts = found.design.prompts.get(variant)
    if prompts is None:
        found.verdict(variant)  # Says which variants there are.
        raise AssertionError("every variant that is judged has prompts")
    scenarios = sorted({name.rpartition(".")[0] for name in prompts})
    changes = {
        scenario: await _change(pool, found, scenario, variant) for scenario in scenarios
    }
    return release(found.row.name, found.row.digest, variant, prompts, changes)


async def ready(pool: Pool, name: str, variant: str) -> tuple[Release, Evidence, Standing]:
    """Return what would be promoted of a variant, and what its experiment has shown.

    Raises:
        UsageError: no such experiment was started, or it has no such variant.
    """
    found = await standing(pool, name)
    evidence = evidence_of(found, variant)
    return await release_of(pool, found, variant), evidence, found


async def _change(pool: Pool, found: Standing, scenario: str, variant: str) -> Variant:
    declared = found.experiment.variants
    if variant in declared:
        return declared[variant]
    if variant == BASELINE:
        return Variant()
    if variant in STANDING:
        head = await PromotionLog(pool).head([scenario], variant)
        return (head.becomes.get(scenario, Installed()).change if head else None) or Variant()
    return _of_scenario(found, scenario, variant)


def _of_scenario(found: Standing, scenario: str, variant: str) -> Variant:
    """Return a variant that the scenario itself declares, as long as it is still what ran."""
    name = found.row.name
    for given in found.experiment.scenarios:
        try:
            first = load_cases(given)[0].scenario
        except UsageError:
            continue
        if first.name == scenario and variant in first.variants:
            now = load_cases(given, variant=first.variants[variant].model_copy(
                update={"prompts": {}}
            ))[0]
            own = first.variants[variant].prompts
            ran = found.design.prompts[variant]
            if any(
                ran.get(f"{scenario}.{agent}") != text
                for agent, text in now.prompts.items() if agent not in own
            ):
                raise UsageError(
                    f"scenario {scenario!r} has changed since experiment {name!r} ran {variant}.",
                    f"agentdyno experiment run {name}",
                )
            return first.variants[variant]
    raise UsageError(
        f"variant {variant} of experiment {name!r} is declared by scenario {scenario!r}, which is "
        "not found from here.", "run this in the folder that the scenario's path is relative to",
    )
