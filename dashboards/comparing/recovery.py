"""View *Recovery*: one fault per trial, and which arms get over it."""

from typing import cast

import streamlit as st

from agentdyno.core.estimate import Estimate
from agentdyno.core.trial import Outcome, Retries
from agentdyno.dashboards import frame, links
from agentdyno.dashboards.bridge import ask
from agentdyno.dashboards.charts.heat import Square, heat_map
from agentdyno.dashboards.charts.intervals import forest, in_words, line_of
from agentdyno.dashboards.comparing import data
from agentdyno.dashboards.comparing.filters import Selection
from agentdyno.evals.stats import wilson
from agentdyno.experiments.chaos import Cell, RecoveryMatrix, stored_matrix
from agentdyno.store.reading import Reading
from agentdyno.store.trials import TrialStore

_NOT_JUDGED = {
    "not_reached": "not reached", "no_baseline": "no baseline", "harness_fault": "bench failed",
}


def view(selection: Selection) -> None:
    """Show the recovery matrix of one scenario under one retry profile."""
    known = sorted({(cell.scenario, cast(Retries, cell.retries)) for cell in selection.faulty})
    if not known:
        frame.empty("No trial of these filters ran under a fault.", "agentdyno chaos order_mail")
        return
    names = {f"{scenario}, retries {retries}": (scenario, retries) for scenario, retries in known}
    chosen = links.choose("Scenario and retry profile", list(names), "faults")
    scenario, retries = names[chosen or next(iter(names))]
    matrix = _matrix(*data.key(), scenario, retries, selection.matrix)
    squares = [
        _square(matrix.cells[fault, runner]) for fault in matrix.faults for runner in matrix.runners
    ]
    st.altair_chart(heat_map(squares), width="content", key="recovery",
                    alt="Share of trials that recovered, by fault and runner.")
    st.caption("Recovered: completed, and passed every check that the same trial passes without "
               "the fault. Not reached: no call that the fault could hit, so nothing is said.")
    _overall(matrix)
    frame.table(
        [_row(cell, number) for cell in matrix.cells.values()
         for number in range(len(cell.pairs))],
        key="recovery_table", open="trial", by="trial",
    )


@st.cache_data(show_spinner=False, max_entries=8)
def _matrix(
    url: str, cache: str, revision: data.Revision, scenario: str, retries: Retries,
    matrix: str | None,
) -> RecoveryMatrix:
    ids = ask(lambda pool: Reading(pool).fault_trials(scenario, retries, matrix=matrix))
    trials = ask(lambda pool: TrialStore(pool).load(ids))
    return stored_matrix(trials, scenario, retries)


def _overall(matrix: RecoveryMatrix) -> None:
    lines = []
    for runner in matrix.runners:
        cells = [matrix.cells[fault, runner] for fault in matrix.faults]
        rate = _rate(*cells)
        if rate is not None:
            lines.append(line_of(runner, rate))
    if lines:
        st.subheader("Over all faults")
        st.altair_chart(forest(lines, axis="recovered", domain=(0.0, 1.0), percent=True),
                        width="stretch", key="recovered",
                        alt="Share of trials that recovered, by runner, with interval.")


def _rate(*cells: Cell) -> Estimate | None:
    return wilson(sum(cell.recovered for cell in cells), sum(len(cell.reached) for cell in cells))


def _square(cell: Cell) -> Square:
    rate = _rate(cell)
    if rate is None:
        word = _NOT_JUDGED.get(cell.why_not, "not run")
        return Square(row=cell.fault, column=cell.runner, value=None, text=word, told=word)
    how = [
        "wrong result" if outcome is Outcome.COMPLETED else outcome.value
        for outcome in cell.outcomes
    ]
    how += [f"{tool} done {times} times" for tool, times in cell.doubled.items()]
    return Square(
        row=cell.fault, column=cell.runner, value=rate.value,
        text=f"{cell.recovered}/{len(cell.reached)}\n{rate.low:.0%}–{rate.high:.0%}",
        told="; ".join([in_words(rate), *how]),
    )


def _row(cell: Cell, number: int) -> dict[str, object]:
    pair = cell.pairs[number]
    found = pair.found
    return {
        "fault": cell.fault, "runner": cell.runner, "repeat": pair.faulty.key.repeat,
        "status": found.status.replace("_", " "), "reason": found.reason,
        "model calls more": found.extra_model_calls, "tool calls more": found.extra_tool_calls,
        "seconds lost": round(found.time_lost_s, 2),
        "done twice": ", ".join(f"{one.tool} ×{one.times}" for one in found.duplicates),
        "trial": pair.faulty.id,
    }
