"""The raw wire of any call."""

import streamlit as st

from agentdyno.core.event import ModelCall, WireRecord
from agentdyno.core.trial import Trial
from agentdyno.dashboards import frame, links
from agentdyno.dashboards.text import label, show
from agentdyno.dashboards.trials.wiretext import call_of, laid_out, spoken
from agentdyno.dashboards.trialviews.paging import paged
from agentdyno.dashboards.trialviews.reading import load_lines, load_records
from agentdyno.store.rows import to_json
from agentdyno.store.wirereading import WireLine

_DOWNLOAD = 4_000_000
"""Bytes up to which an exchange can be saved from the page."""
_VIEWS = ("Raw", "As a conversation")


def show_wire(trial: Trial) -> None:
    """Show the list of exchanges, and one of them whole."""
    lines = load_lines(trial)
    if not lines:
        st.info("No exchange was kept: the trial asked nothing of any model or tool.")
        return
    seq = _chosen(lines)
    line = next((line for line in lines if line.seq == seq), None)
    if line is None:
        st.info("Choose an exchange, by its number or in the table.")
        return
    records = load_records(trial, line.seq)
    if records:
        _show(trial, line, records[0])


def _chosen(lines: tuple[WireLine, ...]) -> int | None:
    agents = list(dict.fromkeys(line.agent for line in lines))
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        agent = links.choose("Agent", ["all", *agents], "agent")
    shown = [line for line in lines if agent in (None, "all", line.agent)]
    page = paged(shown, "wire_page", size=200)
    row = frame.table(
        [{"exchange": line.seq, "with": line.channel, "agent": line.agent,
          "at s": round(line.started_s, 4), "bytes": line.size} for line in page],
        key="wire_table", height=240,
    )
    with right:
        typed = st.number_input(
            "Exchange", min_value=min(line.seq for line in lines),
            max_value=max(line.seq for line in lines), value=None, step=1, key="exchange",
            bind="query-params", placeholder="its number, or choose one below",
        )
    if row is not None and row < len(page):
        return page[row].seq
    return None if typed is None else int(typed)


def _show(trial: Trial, line: WireLine, record: WireRecord) -> None:
    st.subheader(f"Exchange {line.seq}")
    st.caption(f"{label(line.agent)} and the {line.channel} gateway, from {line.started_s:.4f} s")
    number = call_of(trial, line)
    event = trial.events[number] if number is not None else None
    view = _VIEWS[0]
    if isinstance(event, ModelCall):
        view = links.choose_section("View", _VIEWS, "view")
    if view == _VIEWS[1] and isinstance(event, ModelCall):
        _conversation(event, record)
        return
    for name, text in (("Request", record.request), ("Response", record.response)):
        st.markdown(f"**{name}**, {len(text):,} characters")
        shown, language = laid_out(text)
        show(shown, language=language)
    if line.size <= _DOWNLOAD:
        st.download_button(
            "Save this exchange", to_json(record), mime="application/json",
            file_name=f"{trial.id}-{line.seq}.json", icon=":material/download:",
        )
    show(f"agentdyno log dump {trial.id[:10]}", language="bash")


def _conversation(call: ModelCall, record: WireRecord) -> None:
    try:
        said = spoken(call, record)
    except ValueError as error:
        st.warning(f"The request cannot be read as a conversation: {label(str(error), 200)}")
        return
    for one in paged(said, "spoken_page", size=30):
        st.markdown(f"**{label(one.role)}**")
        if one.text:
            show(one.text)
        for asked in one.calls:
            st.caption("asks for")
            show(asked)
