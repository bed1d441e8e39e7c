"""Trials to draw from, of a baseline and of the store."""

from collections.abc import Iterable, Sequence

from agentdyno.core.suite import Suite
from agentdyno.core.trial import Trial
from agentdyno.experiments.gate.baseline import Baseline, Cell, KeptTrial
from agentdyno.experiments.gate.families import family_values
from agentdyno.experiments.gate.observe import Ran, judges_checks, observe
from agentdyno.experiments.gate.simulate import Pool, Trialed


def pool_of(suite: Suite, cells: Iterable[Cell]) -> Pool:
    """Return the counted trials of `cells`; the metrics of each are those that the gate judges."""
    found: dict[str, dict[str, list[Trialed]]] = {}
    for cell in cells:
        kept = [_values(suite, cell, trial) for trial in cell.trials if trial.counted]
        found.setdefault(cell.runner, {}).setdefault(cell.situation, []).extend(kept)
    return found


def same_cells(suite: Suite, blessed: Baseline, stored: Sequence[Trial]) -> tuple[Cell, ...]:
    """Return further trials of a baseline's cells, under the same conditions, that the baseline
    does not have."""
    known = {trial.id for cell in blessed.cells for trial in cell.trials}
    digests = {place: cell.scenario_digest for place, cell in blessed.by_place().items()}
    more = [
        trial for trial in stored
        if trial.id not in known and trial.key.retries == suite.retries
        and trial.key.stream == suite.stream and trial.key.tools == suite.tool_source
        and not trial.key.faults and trial.key.variant == "baseline"
        and (trial.key.model == suite.model or (
            suite.model == "live" and trial.key.model == suite.llm))
        and digests.get((trial.key.runner, trial.key.situation), "-")
        == trial.key.scenario_digest[:16]
    ]
    ran = Ran(situations=(), runners=(), checks={}, trials=[(trial, ()) for trial in more])
    families = {place: cell.families for place, cell in blessed.by_place().items()}
    return tuple(
        cell.model_copy(update={"families": families[cell.runner, cell.situation]})
        for cell in observe(suite, ran).cells
    )


def scatters(pool: Pool) -> bool:
    """Tell whether trials of any case differ in anything that is judged."""
    return any(
        any(one != some[0] for one in some) for cases in pool.values() for some in cases.values()
    )


def _values(suite: Suite, cell: Cell, trial: KeptTrial) -> Trialed:
    values = dict(trial.values)
    for family, value in family_values(trial.verdicts, cell.families).items():
        if value is not None and judges_checks(suite, family):
            values[f"check:{family}"] = value
    return values
