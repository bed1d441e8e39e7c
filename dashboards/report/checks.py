"""Verdicts, check by check, and the trials that did not pass with their evidence."""

from collections import Counter
from collections.abc import Sequence

from agentdyno.core.trial import Outcome, Trial
from agentdyno.dashboards.report import words
from agentdyno.dashboards.report.arms import Cell
from agentdyno.dashboards.report.table import Table
from agentdyno.evals.stats import wilson
from agentdyno.experiments.compare.metrics import OUT_OF_COUNT
from agentdyno.experiments.fingerprint import nothing_scatters

MOST_FAILURES = 200
"""Trials whose evidence is shown; `agentdyno list` and `show` have the others."""


NOTE = (
    "Share of decided verdicts that passed, with Wilson's interval; ? verdicts are inconclusive, "
    "! are errors: neither counts as passed or failed."
)


def check_tables(cells: Sequence[Cell]) -> tuple[Table, ...]:
    """Return one table for each scenario: a line per check, a column per arm."""
    scenarios = sorted({trial.key.scenario for cell in cells for trial in cell.trials})
    return tuple(_table(scenario, cells) for scenario in scenarios)


def _table(scenario: str, cells: Sequence[Cell]) -> Table:
    of = [
        (cell.name, [trial for trial in cell.trials
                     if trial.key.scenario == scenario and trial.outcome not in OUT_OF_COUNT])
        for cell in cells
    ]
    of = [(name, trials) for name, trials in of if trials]
    checks = list(dict.fromkeys(v.check for _, trials in of for t in trials for v in t.verdicts))
    return Table(
        caption=scenario, head=("check", *(name for name, _ in of)),
        rows=tuple(
            (check, *(_cell(check, trials) for _, trials in of)) for check in checks
        ),
    )


def _cell(check: str, trials: Sequence[Trial]) -> str:
    found = Counter(v.status for trial in trials for v in trial.verdicts if v.check == check)
    if not found:
        return "–"
    decided = found["pass"] + found["fail"]
    told = words.rate(wilson(found["pass"], decided), exact=nothing_scatters(trials))
    marks = [f"{count} {mark}" for count, mark in ((found["inconclusive"], "?"),
                                                   (found["error"], "!")) if count]
    return " ".join([f"{told} of {decided}" if decided else told, *marks])


def unpassed(cells: Sequence[Cell]) -> Table | None:
    """Return the trials that ended badly or failed a check, with the evidence; None without any."""
    every = [(cell, trial) for cell in cells for trial in cell.trials if _bad(trial)]
    if not every:
        return None
    more = len(every) - MOST_FAILURES
    return Table(
        caption="Trials that did not pass",
        head=("trial", "case", "arm", "outcome", "evidence"),
        rows=tuple(
            (trial.id[:10], f"{trial.key.situation}, repeat {trial.key.repeat}", cell.name,
             trial.outcome.value, _evidence(trial))
            for cell, trial in every[:MOST_FAILURES]
        ),
        note=(f"{more} more did not pass: agentdyno list. " if more > 0 else "")
        + "One trial in full: agentdyno show TRIAL.",
        texts=frozenset(range(5)),
    )


def _bad(trial: Trial) -> bool:
    return trial.outcome is not Outcome.COMPLETED or any(
        verdict.status != "pass" for verdict in trial.verdicts
    )


def _evidence(trial: Trial) -> str:
    told = [words.shorten(trial.reason)] if trial.reason else []
    told += [
        f"{verdict.check} ({verdict.status}): {words.shorten(verdict.reason)}"
        for verdict in trial.verdicts if verdict.status != "pass"
    ]
    return "\n".join(told)
