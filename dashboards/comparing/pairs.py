"""Paired comparisons as the views draw them."""

from collections.abc import Sequence

import streamlit as st

from agentdyno.dashboards.charts.intervals import Line, forest
from agentdyno.dashboards.comparing import data
from agentdyno.dashboards.comparing.filters import Selection
from agentdyno.dashboards.comparing.words import words
from agentdyno.dashboards.text import label
from agentdyno.evals.statistics.paired import Paired
from agentdyno.experiments.compare import nouns
from agentdyno.experiments.compare.metrics import METRICS
from agentdyno.experiments.compare.stored import arm_of
from agentdyno.store.readvalues import ArmKey, Wanted


def wanted_of(selection: Selection, arms: tuple[ArmKey, ...]) -> Wanted:
    """Return the question for values of `arms`, no more than can be resampled while one waits."""
    own = [cell for cell in selection.cells if arm_of(cell) in arms]
    return selection.wanted(arms, data.most_per_case(own))


def show_limits(wanted: Wanted, selection: Selection) -> None:
    """Say so where not all trials are compared."""
    most = max((cell.counted for cell in selection.cells), default=0)
    if most > wanted.most:
        st.caption(f"Of each case the newest {wanted.most} of up to {most} trials are compared, "
                   "so that the page answers at once; agentdyno compare takes all of them.")


def show_metric(pairs: Sequence[nouns.Comparison], metric: str, key: str) -> None:
    """Show the one line of each comparison as a forest plot, and in words what is not drawn."""
    lines = [(pair.b, pair.lines[0]) for pair in pairs if pair.lines]
    drawn = [_line(name, line, line.paired) for name, line in lines if line.paired is not None]
    if drawn:
        ratio = METRICS[metric].kind == "ratio"
        st.altair_chart(
            forest(drawn, axis=f"{'ratio' if ratio else 'difference'} to {pairs[0].a}",
                   reference=1.0 if ratio else 0.0, log=ratio, percent=not ratio),
            width="stretch", key=key,
            alt=f"{words(metric)} of each arm against {pairs[0].a}, with interval and verdict.",
        )
    for name, line in lines:
        if line.paired is None or line.why:
            st.caption(f"{label(name)}: {label(line.why, 200)}")
    for pair in pairs:
        if not pair.lines:
            st.caption(f"{label(pair.b)}: no trial has {words(metric)}.")


def _line(name: str, line: nouns.Line, paired: Paired) -> Line:
    d = paired.difference
    return Line(
        name=name, value=d.value, low=d.value if line.exact else d.low,
        high=d.value if line.exact else d.high, kind=line.verdict, told=_told(line, paired),
    )


def _told(line: nouns.Line, paired: Paired) -> str:
    d = paired.difference
    if line.exact:
        return f"{d.value:+.3g}, nothing scatters; {paired.cases} cases"
    p = "" if line.p is None else f"; p = {line.p:.3g} (Holm)"
    return f"{d.value:.3g} [{d.low:.3g}, {d.high:.3g}]; {paired.cases} cases{p}; {paired.test}"
