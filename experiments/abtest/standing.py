"""Where an experiment stands: always computed from the trials that the store has of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentdyno.core.errors import UsageError
from agentdyno.core.experiment import Experiment
from agentdyno.core.yamlproblem import nearest
from agentdyno.experiments.abtest.design import Design
from agentdyno.experiments.abtest.judge import ArmVerdict, judge, verdict_json
from agentdyno.experiments.abtest.observed import Observation, observe
from agentdyno.store.database import Pool
from agentdyno.store.experiments import ExperimentRow, ExperimentStore, LookRow
from agentdyno.store.trials import TrialStore

State = Literal["planned", "running", "decided", "ended"]
_CHUNK = 500


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where one version of an experiment stands."""

    row: ExperimentRow
    experiment: Experiment
    design: Design
    looks: tuple[LookRow, ...]
    verdicts: tuple[ArmVerdict, ...]
    """One for each variant but the baseline, in order."""
    observations: dict[str, list[Observation]]
    """What was observed, by arm."""

    @property
    def state(self) -> State:
        """Return `planned` before the first look, `decided` when every verdict is final, `ended`
        when the whole size has run without that, else `running`."""
        if not self.looks:
            return "planned"
        if all(one.final and one.word != "inconclusive" for one in self.verdicts):
            return "decided"
        return "ended" if self.rounds >= self.design.rounds else "running"

    @property
    def rounds(self) -> int:
        """Return the repeats that there are."""
        return self.looks[-1].rounds if self.looks else 0

    @property
    def active(self) -> tuple[str, ...]:
        """Return the arms that the next look runs: the baseline and all that are not final. A test
        of fixed size runs all."""
        if self.experiment.stopping.rule == "fixed":
            return self.design.arms
        return (self.design.baseline, *(one.arm for one in self.verdicts if not one.final))

    @property
    def matrices(self) -> tuple[str, ...]:
        """Return the runs that the verdicts rest on."""
        return tuple(dict.fromkeys(look.matrix_id for look in self.looks))

    def verdict(self, arm: str) -> ArmVerdict:
        """Return the verdict of one variant.

        Raises:
            UsageError: the experiment has no such variant.
        """
        for one in self.verdicts:
            if one.arm == arm:
                return one
        names = [one.arm for one in self.verdicts]
        raise UsageError(
            f"experiment {self.row.name!r} has no variant {arm!r}{nearest(arm, names)} beside its"
            f" baseline; it has {', '.join(names)}",
            f"agentdyno experiment status {self.row.name}",
        )

    def as_json(self) -> dict[str, Any]:
        """Return all of it as JSON."""
        return {
            "experiment": self.row.name, "version": self.row.version, "digest": self.row.digest,
            "state": self.state, "hypothesis": self.experiment.hypothesis,
            "baseline": self.design.baseline, "rounds": self.rounds,
            "planned_rounds": self.design.rounds, "cases": list(self.design.cases),
            "runners": list(self.design.runners), "stopping": self.experiment.stopping.rule,
            "alpha": self.experiment.alpha, "matrices": list(self.matrices),
            "verdicts": [verdict_json(one) for one in self.verdicts],
        }


async def standing(pool: Pool, name: str, version: int | None = None) -> Standing:
    """Return where an experiment stands, by default its newest version.

    Raises:
        UsageError: nothing is stored under this name.
    """
    store = ExperimentStore(pool)
    row = await store.find(name, version)
    if row is None:
        names = sorted({one.name for one in await store.list()})
        what = f"version {version} of experiment" if version and name in names else "experiment"
        raise UsageError(
            f"no {what} {name!r} was started on this database{nearest(name, names)}.",
            f"agentdyno experiment run {name}",
        )
    return await standing_of(pool, row)


async def standing_of(pool: Pool, row: ExperimentRow) -> Standing:
    """Return where one version of an experiment stands."""
    store = ExperimentStore(pool)
    experiment = Experiment.model_validate(row.definition)
    design = Design.model_validate(row.design)
    looks = tuple(await store.looks(row.id))
    metrics = (experiment.metric, *experiment.guards)
    found = {
        arm: await _observed(pool, arm, ids, metrics)
        for arm, ids in (await store.trials(row.id)).items()
    }
    complete = bool(looks) and looks[-1].rounds >= design.rounds
    return Standing(
        row=row, experiment=experiment, design=design, looks=looks, observations=found,
        verdicts=judge(experiment, design, found, complete=complete),
    )


async def _observed(
    pool: Pool, arm: str, ids: Sequence[str], metrics: Sequence[str]
) -> list[Observation]:
    trials = TrialStore(pool)
    found = []
    for start in range(0, len(ids), _CHUNK):
        found += observe(arm, await trials.load(ids[start: start + _CHUNK]), metrics)
    return found
