"""Which version of an experiment a definition is: what began stays what it was."""

from typing import Any

from agentdyno.core.errors import UsageError
from agentdyno.core.experiment import Experiment
from agentdyno.experiments.abtest.design import Design, changes, digest_of
from agentdyno.store.experiments import ExperimentRow, ExperimentStore


async def version_of(
    store: ExperimentStore, experiment: Experiment, design: Design, *, who: str, new: bool
) -> ExperimentRow:
    """Return the stored version that `experiment` goes on, or the one that it begins.

    Args:
        who: who begins it.
        new: begin a new version, whatever there is.

    Raises:
        UsageError: it changed since its newest version began, and no new one is asked for.
    """
    digest = digest_of(experiment, design)
    last = await store.find(experiment.name)
    if last is not None and not new:
        if last.digest == digest:
            return last
        if await store.looks(last.id):
            raise UsageError(_changed(last, experiment, design), (
                f"undo the change, or: agentdyno experiment run {design.source} --new-version"
            ))
    # Without what was left out: `size` refuses what does not go with what was said.
    definition: dict[str, Any] = experiment.model_dump(mode="json", exclude_unset=True)
    return await store.create(
        experiment.name, digest, definition, design.model_dump(mode="json"), who
    )


def seen_before(row: ExperimentRow) -> str:
    """Return what is to be said of the evidence of a version; "" of a first one."""
    if row.version == 1:
        return ""
    return (
        f"version {row.version} takes what is stored already, also trials that an earlier version"
        " has looked at. Where those gave you the idea for the change they cannot confirm it: give"
        " the experiment another `seed` for fresh ones."
    )


def _changed(last: ExperimentRow, experiment: Experiment, design: Design) -> str:
    old = (Experiment.model_validate(last.definition), Design.model_validate(last.design))
    told = "; ".join(changes(old, (experiment, design)))
    return (
        f"experiment {experiment.name!r} is not what it was when version {last.version} began:"
        f" {told}. A test whose plan changes while it runs promises nothing."
    )
