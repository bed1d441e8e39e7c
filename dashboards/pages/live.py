"""What runs at this moment: how far it is, what is being said, and a button that cancels it."""

from collections.abc import Mapping
from typing import Any, Literal

import streamlit as st

from agentdyno.core.errors import DynoError
from agentdyno.dashboards import access, auditview, frame, links
from agentdyno.dashboards.bridge import ask
from agentdyno.dashboards.said import attempt, told
from agentdyno.dashboards.stopping import WORDS, counted, progress_rows, progress_words, stop
from agentdyno.dashboards.text import label, show, visible
from agentdyno.dashboards.times import clock, utc
from agentdyno.store.live import LiveBoard, LiveMatrix, LiveState
from agentdyno.store.matrices import MatrixRow, MatrixStore

_EVERY_S = 1.0
"""Seconds after which the page looks again by itself; a run tells of itself as often."""
_SHOWN = 16
"""Running trials of one run that are shown with their texts."""
_COLOURS: Mapping[LiveState, Literal["green", "orange", "red"]] = {
    "running": "green", "cancelling": "orange", "lost": "red",
}
_SEEN, _ENDED = "live_seen", "live_ended"
_KEPT = 3
"""Runs that ended while somebody looked, and stay linked."""


def page() -> None:
    """Show the runs under way, and who cancelled any."""
    frame.header("Live", "Runs under way: their progress and what agents say, as it is said.")
    _running()
    auditview.section("matrix")


@st.fragment(run_every=_EVERY_S)
def _running() -> None:
    told("live")
    try:
        rows = ask(lambda pool: LiveBoard(pool).list())
        _ended(rows)
    except DynoError as error:
        frame.problem(error)
        return
    for row in rows:
        _matrix(row)
    if not rows:
        frame.empty("Nothing runs. A run shows here from its first second:",
                    "agentdyno run support_triage")


def _matrix(row: LiveMatrix) -> None:
    with st.container(border=True, key=f"live-{row.matrix_id}"):
        st.markdown(f"#### {label(row.command, 120)}")
        st.badge(row.state, color=_COLOURS[row.state])
        st.text(visible(
            f"run {row.matrix_id[:10]}, since {utc(row.created_at)} UTC, process {row.pid}"
            f" on {row.host}: {row.stage}"
        ))
        if row.state == "lost":
            st.warning(f"Its harness was last heard at {clock(row.seen_at)} and was probably"
                       " killed. What it had measured is stored; the same command runs the rest.")
        _progress(row)
        _cancel(row)
        for trial in row.running[:_SHOWN] if row.state != "lost" else ():
            _trial(trial)
        if row.state != "lost" and len(row.running) > _SHOWN:
            st.caption(f"and {len(row.running) - _SHOWN} more trials")


def _progress(row: LiveMatrix) -> None:
    planned = row.total("planned")
    st.progress(row.total("done") / planned if planned else 0.0, text=progress_words(row))
    rows = progress_rows(row)
    if len(rows) > 1:
        frame.table(rows, key=f"live-runners-{row.matrix_id}", plain=True, columns={
            "progress": st.column_config.ProgressColumn(format="percent", max_value=1.0),
        })


def _cancel(row: LiveMatrix) -> None:
    # A key of its own for each step: a double click cancels once.
    st.button(
        WORDS[row.state].button, key=f"cancel-{row.matrix_id}-{row.state}", on_click=_stop,
        args=(row,), help=WORDS[row.state].help, icon=":material/stop_circle:",
        disabled=row.cancels > 1 and row.state != "lost",
    )


def _stop(row: LiveMatrix) -> None:
    who = access.actor()
    attempt("live", lambda pool: stop(pool, row, who=who))


def _trial(trial: dict[str, Any]) -> None:
    variant = "" if trial["variant"] == "baseline" else f" in {trial['variant']}"
    st.text(visible(
        f"{trial['situation']} on {trial['runner']}{variant}, repeat {trial['repeat']}: "
        f"{trial['agent'] or 'team'} {trial['doing']}"
        f" ({counted(trial['model_calls'], 'model call')},"
        f" {counted(trial['tool_calls'], 'tool call')})"
    ))
    if str(trial["doing"]).startswith("waiting for approval"):
        links.link("approvals", "Decide about it")
    if trial["text"]:
        show(trial["text"])


def _stored(matrix: str) -> MatrixRow:
    return ask(lambda pool: MatrixStore(pool).find(matrix))


def _ended(rows: list[LiveMatrix]) -> None:
    """Link the runs that ended since somebody looked."""
    now = [row.matrix_id for row in rows]
    gone = [one for one in st.session_state.get(_SEEN, []) if one not in now]
    found = [_stored(one) for one in gone]
    ended = [*((m.id, m.status, m.command) for m in found), *st.session_state.get(_ENDED, [])]
    st.session_state[_SEEN], st.session_state[_ENDED] = now, ended[:_KEPT]
    for one, status, command in ended[:_KEPT]:
        links.link("compare", f"{status}: {command}", matrix=one)
