"""Who spoke to whom."""

import streamlit as st

from agentdyno.core.trial import Trial
from agentdyno.dashboards import frame
from agentdyno.dashboards.charts.talking import talking
from agentdyno.dashboards.text import shorten
from agentdyno.dashboards.trials.talk import talk

_DRAWN = 200
"""Arrows beyond which a graph says nothing."""


def show_talking(trial: Trial) -> None:
    """Show the graph of messages, tasks, handoffs and choices, and the same as a table."""
    lines = talk(trial)
    if not lines:
        st.info("Nobody spoke: the trial ended before any model was asked.")
        return
    st.graphviz_chart(talking(lines[:_DRAWN]), alt="Graph of who spoke to whom")
    if len(lines) > _DRAWN:
        st.caption(f"The {_DRAWN} most used of {len(lines):,} arrows.")
    derived = any(
        event.kind in ("message", "step") and event.derived for event in trial.events
    )
    if derived:
        st.caption("Read off the wire where the runner declares nothing of its own.")
    frame.table(
        [{"from": shorten(line.source), "to": shorten(line.target), "what": line.way,
          "times": line.count} for line in lines],
        key="talking_table", plain=True,
    )
