"""View *Rates*: how often each arm passed, scenario by scenario and over all."""

from collections.abc import Sequence

import streamlit as st

from agentdyno.dashboards import frame
from agentdyno.dashboards.charts.heat import Square, heat_map
from agentdyno.dashboards.charts.intervals import Line, forest, in_words, line_of
from agentdyno.dashboards.comparing.filters import Selection
from agentdyno.experiments.compare.stored import Rate, rates

_MOST_ROWS = 40
"""Scenarios in one heat map, and lines in one forest plot: more nobody can read."""


def view(selection: Selection) -> None:
    """Show heat map, forest plot and table."""
    by_scenario = rates(selection.cells)
    overall = rates(selection.cells, by_scenario=False)
    st.subheader("Scenarios by runners")
    shown = sorted({rate.scenario for rate in by_scenario})[:_MOST_ROWS]
    st.altair_chart(
        heat_map([_square(rate, selection) for rate in by_scenario if rate.scenario in shown]),
        width="content", key="heat",
        alt="Share that passed, by scenario and arm; the table below has the numbers.",
    )
    _cut(len({rate.scenario for rate in by_scenario}), "scenarios")
    st.subheader("Over all scenarios")
    st.caption("Share of trials that passed every check, with its 95 % interval. Scenarios that "
               "an arm did not run are not in its rate: paired differences compare like with like.")
    lines = [line for rate in overall if (line := _line(rate, selection)) is not None]
    if lines:
        st.altair_chart(forest(lines, axis="passed", domain=(0.0, 1.0), percent=True),
                        width="stretch", key="forest",
                        alt="Pass rate of each arm with its interval.")
    _table([*overall, *by_scenario], selection)


def told(rate: Rate) -> str:
    """Return a rate as it stands in a cell: value, interval, number of trials."""
    found = rate.passed
    if found is None:
        return "none counts"
    if rate.exact:
        return f"{found.value:.0%}\nexact, n={found.n}"
    return f"{found.value:.0%}\n{found.low:.0%}–{found.high:.0%}, n={found.n}"


def _square(rate: Rate, selection: Selection) -> Square:
    found = rate.passed
    return Square(
        row=rate.scenario, column=selection.names[rate.arm], text=told(rate),
        value=None if found is None else found.value,
        told="no trial counts" if found is None else in_words(found, exact=rate.exact),
    )


def _line(rate: Rate, selection: Selection) -> Line | None:
    if rate.passed is None:
        return None
    return line_of(selection.names[rate.arm], rate.passed, exact=rate.exact)


def _table(found: Sequence[Rate], selection: Selection) -> None:
    rows = [
        {
            "scenario": rate.scenario or "all", "arm": selection.names[rate.arm],
            "passed": rate.passed and rate.passed.value,
            "low": None if rate.exact or not rate.passed else rate.passed.low,
            "high": None if rate.exact or not rate.passed else rate.passed.high,
            "trials": rate.trials, "count": rate.counted, "cases": rate.cases,
            "harness faults": rate.harness_faults,
            "interval": "nothing scatters" if rate.exact else rate.passed.method
            if rate.passed else "",
        }
        for rate in found
    ]
    percent = st.column_config.NumberColumn(format="percent")
    frame.table(rows, key="rates", plain=True,
                columns=dict.fromkeys(("passed", "low", "high"), percent))


def _cut(count: int, what: str) -> None:
    if count > _MOST_ROWS:
        st.caption(f"The first {_MOST_ROWS} of {count} {what}; the filter shows others.")
