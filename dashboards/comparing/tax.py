"""View *Framework tax*: what each arm takes above the leanest one that does the work."""

import streamlit as st

from agentdyno.dashboards import frame
from agentdyno.dashboards.comparing import data
from agentdyno.dashboards.comparing.filters import Selection
from agentdyno.dashboards.comparing.pairs import show_limits, show_metric, wanted_of
from agentdyno.dashboards.comparing.words import words
from agentdyno.dashboards.text import label
from agentdyno.evals.statistics.medians import median_of
from agentdyno.experiments.compare.stored import against, rates
from agentdyno.experiments.compare.table import Rules
from agentdyno.store.readvalues import ArmKey, ByArm

_METRICS = ("prompt_tokens", "model_calls")


def view(selection: Selection) -> None:
    """Show tokens and calls as ratios to the leanest arm, paired by case."""
    able = {
        rate.arm for rate in rates(selection.cells, by_scenario=False)
        if rate.passed and rate.passed.value > 0
    }
    if len(able) < 2:
        frame.empty("A tax is what one arm takes above another: two must have passed something.",
                    "agentdyno run SCENARIO --runner crewai --runner langgraph")
        return
    st.caption("Everybody gets the same task, prompts and tools, so what a framework sends beyond "
               "the leanest one is its own. An arm that never passes is no yardstick and has no "
               "tax: not doing the work is cheap.")
    arms = tuple(arm for arm in selection.names if arm in able)
    wanted = wanted_of(selection, arms)
    values = data.values(wanted, _METRICS)
    for metric in _METRICS:
        leanest = _leanest(values, metric)
        if leanest is None:
            continue
        st.subheader(words(metric).capitalize())
        st.caption(f"Leanest: {label(selection.names[leanest])}.")
        found = against(leanest, selection.cells, values, selection.names, metric, Rules())
        show_metric(found, metric, f"tax_{metric}")
    show_limits(wanted, selection)


def _leanest(values: ByArm, metric: str) -> ArmKey | None:
    """Return the arm with the lowest median on the cases that all arms have."""
    common = set.intersection(*(set(found[metric]) for found in values.values()))
    medians = {
        arm: middle.value for arm, found in values.items()
        if (middle := median_of([v for case in common for v in found[metric][case]])) is not None
    }
    return min(medians, key=lambda arm: (medians[arm], arm.runner)) if medians else None
