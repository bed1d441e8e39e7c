"""What the report on a run says, as tables of texts: the template only sets them."""

from collections.abc import Sequence
from dataclasses import dataclass

from agentdyno import __version__
from agentdyno.core.trial import Trial
from agentdyno.dashboards.report import words
from agentdyno.dashboards.report.arms import Cell, Compared, cells_of, compared
from agentdyno.dashboards.report.checks import check_tables, unpassed
from agentdyno.dashboards.report.pairs import PairView, view
from agentdyno.dashboards.report.provenance import (
    faults_table,
    parity_table,
    prompts_table,
    trials_table,
    versions_table,
)
from agentdyno.dashboards.report.results import attention, result_tables
from agentdyno.dashboards.report.table import Table
from agentdyno.evals.stats import wilson
from agentdyno.experiments.compare.metrics import OUT_OF_COUNT
from agentdyno.experiments.compare.pareto import Front, pareto
from agentdyno.experiments.measured import measure
from agentdyno.store.matrices import MatrixRow


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The whole report, without its figures."""

    title: str
    facts: tuple[tuple[str, str], ...]
    """What the run was: label and value."""
    attention: tuple[str, ...]
    """What a reader should look at first, one sentence each."""
    results: tuple[Table, ...]
    """One table for each scenario."""
    front: Table | None
    """Quality, cost and latency at once; None without a case that all arms ran."""
    pairs: tuple[PairView, ...]
    left_out: int
    """Pairs for which there was no room."""
    recovery: Table | None
    """What each fault did; None where none was injected."""
    checks: tuple[Table, ...]
    failures: Table | None
    """Trials that did not pass, with evidence; None where all did."""
    parity: Table | None
    versions: Table
    prompts: Table | None
    trials: Table


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What texts and figures are both made of."""

    matrix: MatrixRow
    trials: tuple[Trial, ...]
    reused: int
    """How many of `trials` an earlier run executed."""
    cells: tuple[Cell, ...]
    compared: Compared
    front: Front | None
    common: tuple[str, ...]
    """Cases that all arms ran without faults."""


def findings(matrix: MatrixRow, trials: Sequence[Trial], reused: int = 0) -> Findings:
    """Compute everything that needs statistics, once."""
    cells = cells_of(trials)
    sound = [cell for cell in cells if not cell.condition.faults]
    return Findings(
        matrix=matrix, trials=tuple(trials), reused=reused, cells=cells, compared=compared(cells),
        front=pareto([cell.arm for cell in sound]) if len(sound) > 1 else None,
        common=_common(sound),
    )


def _common(cells: Sequence[Cell]) -> tuple[str, ...]:
    cases = [
        {trial.key.situation for trial in cell.trials if trial.outcome not in OUT_OF_COUNT}
        for cell in cells
    ]
    return tuple(sorted(set.intersection(*cases))) if cases else ()


def contents(found: Findings) -> Contents:
    """Return what the report says of a run."""
    return Contents(
        title=_title(found.trials), facts=_facts(found), attention=attention(found.cells),
        results=result_tables(found.cells), front=_front_table(found.front),
        pairs=tuple(view(one) for one in found.compared.pairs), left_out=found.compared.left_out,
        recovery=faults_table(found.trials), checks=check_tables(found.cells),
        failures=unpassed(found.cells), parity=parity_table(found.cells),
        versions=versions_table(found.cells), prompts=prompts_table(found.cells),
        trials=trials_table(found.cells),
    )


def _title(trials: Sequence[Trial]) -> str:
    return words.listing(sorted({trial.key.scenario for trial in trials}), most=3)


def _facts(found: Findings) -> tuple[tuple[str, str], ...]:
    matrix, trials = found.matrix, found.trials
    counted = [trial for trial in trials if trial.outcome not in OUT_OF_COUNT]
    passed = wilson(sum(measure(trial).passed for trial in counted), len(counted))
    spoiled = len(trials) - len(counted)
    return (
        ("run", matrix.id),
        ("command", words.shorten(matrix.command)),
        ("state", matrix.status),
        ("began", words.moment(matrix.created_at)),
        ("ended", words.moment(matrix.finished_at)),
        ("trials", ", ".join([
            str(len(trials)), *([f"{found.reused} of an earlier run"] if found.reused else []),
            *([f"{spoiled} do not count (bench fault or cancelled)"] if spoiled else []),
        ])),
        ("passed all checks", words.rate(passed) + (f" of {passed.n}" if passed else "")),
        ("answers from", words.listing(sorted({trial.key.model for trial in trials}))),
        ("retries", words.listing(sorted({trial.key.retries for trial in trials}))),
        ("written by", f"agentdyno {__version__}"),
    )


def _front_table(front: Front | None) -> Table | None:
    if front is None:
        return None
    return Table(
        caption="Quality, cost and latency on the cases that all arms ran",
        head=("arm", "passed [95 % CI]", f"median {front.cost.replace('_', ' ')}",
              "median wall s", "beaten by"),
        rows=tuple(
            (point.arm, words.rate(point.passed), words.amount(point.cost),
             f"{point.wall_s:.2f}", words.listing(point.beaten_by) or "nobody")
            for point in front.points
        ),
        note="An arm is beaten where another one is nowhere worse and somewhere better by more "
             "than the margin. The medians are points: intervals of means are in the results.",
    )
