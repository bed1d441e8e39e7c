"""Where the trial's time went."""

import dataclasses

import streamlit as st

from agentdyno.core.trial import Trial
from agentdyno.dashboards import frame
from agentdyno.dashboards.charts.waterfall import calls, lanes
from agentdyno.dashboards.text import shorten
from agentdyno.dashboards.trials.waterfall import bars, merged, shares, takes_time
from agentdyno.dashboards.trialviews.paging import paged
from agentdyno.dashboards.trialviews.reading import load_moments

_WORDS = {
    "waiting": "waiting for people", "model": "model", "tool": "tools", "memory": "memory",
    "backoff": "gateway's pauses", "framework": "framework",
}


def show_timing(trial: Trial) -> None:
    """Show seconds by what they went into, a waterfall of the whole, and one call by call."""
    found = [moment for moment in load_moments(trial) if takes_time(moment)]
    if not found:
        st.info("Nothing was asked of any model or tool in this trial.")
        return
    wall = trial.duration_s + trial.waited_s
    parts = dataclasses.asdict(shares(found, wall))
    for column, (name, seconds) in zip(st.columns(len(parts)), parts.items(), strict=True):
        column.metric(_WORDS[name], f"{seconds:.3f} s")
    st.caption(
        f"Of {wall:.3f} s of wall time. Calls side by side count once; a second in which a person"
        " was waited for counts as waiting, whatever else went on. `framework` is what is left."
    )
    drawn = merged(bars(found))
    st.altair_chart(lanes(drawn), alt="Waterfall of the whole trial, one lane per agent")
    if len(drawn) < len(found):
        st.caption(f"{len(found):,} calls as {len(drawn):,} bars: neighbours that no screen could"
                   " tell apart are one. Below they stand one by one.")
    page = paged(found, "timing_page", size=40)
    st.altair_chart(calls(bars(page), [moment.number for moment in page]),
                    alt="Waterfall call by call")
    frame.table(
        [{"event": moment.number, "agent": shorten(moment.agent), "what": moment.kind,
          "from s": round(moment.started_s, 4), "took ms": round(1000 * moment.took_s, 2),
          "failed": "yes" if moment.failed else "", "title": shorten(moment.title)}
         for moment in page],
        key="timing_table", plain=True,
    )
