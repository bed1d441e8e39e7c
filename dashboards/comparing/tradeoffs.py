"""View *Trade-offs*: quality against cost and latency, and who is beaten by nobody."""

import streamlit as st

from agentdyno.dashboards import frame
from agentdyno.dashboards.charts.intervals import in_words
from agentdyno.dashboards.charts.tradeoff import Spot, trade_off
from agentdyno.dashboards.comparing import data
from agentdyno.dashboards.comparing.filters import Selection
from agentdyno.dashboards.comparing.words import words
from agentdyno.evals.statistics.medians import median_of
from agentdyno.experiments.compare.pareto import COSTS, Front, pareto_of
from agentdyno.store.readvalues import ByArm

_METRICS = ("passed", *COSTS, "wall_s")


def view(selection: Selection) -> None:
    """Show both charts and who is beaten by whom."""
    values = data.values(selection.wanted(tuple(selection.names), 1_000_000), _METRICS)
    named = {selection.names[arm]: found for arm, found in values.items()}
    front = pareto_of(named)
    if front is None:
        frame.empty("There is no case that every arm of these filters has run: leave out arms or "
                    "scenarios, or run what is missing.",
                    "agentdyno run SCENARIO --runner crewai --runner langgraph")
        return
    st.caption("On the cases that all of these arms have run. Points are medians per trial; an arm "
               "is on the front when no other is nowhere worse and somewhere better by more than "
               "the margins (5 points of pass rate, 10 % of cost, 20 % of time).")
    common = _common(values)
    for metric, axis in ((front.cost, f"{words(front.cost)} per trial"),
                         ("wall_s", "seconds per trial")):
        st.subheader(f"Quality and {axis}")
        st.altair_chart(
            trade_off(_spots(front, values, selection, metric, common), axis=axis),
            width="stretch", key=f"front_{metric}",
            alt=f"Pass rate of each arm against {axis}, with intervals.",
        )
    frame.table([
        {"arm": point.arm, "passed": in_words(point.passed),
         words(front.cost): point.cost, "seconds": round(point.wall_s, 3),
         "beaten by": ", ".join(point.beaten_by) or "nobody"}
        for point in front.points
    ], key="front", plain=True)


def _common(values: ByArm) -> set[str]:
    return set.intersection(*(set(found["passed"]) for found in values.values()))


def _spots(
    front: Front, values: ByArm, selection: Selection, metric: str, common: set[str]
) -> list[Spot]:
    by_name = {name: arm for arm, name in selection.names.items()}
    spots = []
    for point in front.points:
        of_arm = values[by_name[point.arm]][metric]
        cost = median_of([v for case, some in of_arm.items() if case in common for v in some])
        if cost is not None:
            spots.append(Spot(arm=point.arm, passed=point.passed, cost=cost,
                              on_front=not point.beaten_by))
    return spots
