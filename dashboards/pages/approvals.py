"""Tool calls that wait for a person: see each, and approve, reject or change it, once."""

from collections.abc import Mapping, Sequence
from typing import Literal

import streamlit as st

from agentdyno.core.errors import DynoError
from agentdyno.core.spec import Risk
from agentdyno.dashboards import access, auditview, frame
from agentdyno.dashboards.bridge import ask
from agentdyno.dashboards.deciding import arguments_text, decide
from agentdyno.dashboards.said import attempt, told
from agentdyno.dashboards.text import label, shorten, show, visible
from agentdyno.dashboards.times import clock, utc
from agentdyno.store.approvals import ApprovalDesk, ApprovalRow, Settled

_EVERY_S = 2.0
"""Seconds after which the page looks for new calls by itself."""
_WAITING, _EARLIER = 50, 200
"""Calls that are shown at most."""
_RISK_COLOURS: Mapping[Risk, Literal["green", "orange", "red"]] = {
    "low": "green", "medium": "orange", "high": "red",
}


def page() -> None:
    """Show the calls that wait, those that no longer do, and who decided."""
    frame.header(
        "Approvals", "Tool calls that wait for a person: each is decided once, under your name."
    )
    _waiting()
    st.subheader("Earlier")
    _earlier()
    auditview.section("approval")


@st.fragment(run_every=_EVERY_S)
def _waiting() -> None:
    told("approvals")
    try:
        rows = ask(lambda pool: ApprovalDesk(pool).list(limit=_WAITING))
    except DynoError as error:
        frame.problem(error)
        return
    open_ = [row for row in rows if row.open]
    for row in sorted(open_, key=lambda row: row.left_s):
        _card(row)
    if not open_:
        frame.empty(
            "Nothing waits for approval. Calls wait here in runs whose approver is the queue:",
            "agentdyno run incident_response --approver queue",
        )
    _lost([row for row in rows if not row.open])


def _card(row: ApprovalRow) -> None:
    asked = row.asked
    with st.container(border=True, key=f"approval-{row.id}"):
        st.markdown(f"#### {row.id}: {label(f'{asked.server}.{asked.tool}')}")
        where = f"{asked.scenario} on {asked.runner}" if asked.runner else asked.scenario
        st.text(visible(f"{asked.agent} in {where} asked at {clock(row.asked_at)}; {row.told}"))
        st.badge(f"{asked.risk} risk", color=_RISK_COLOURS[asked.risk])
        if asked.description:
            show(asked.description)
        _form(row)


def _form(row: ApprovalRow) -> None:
    text = arguments_text(row.asked)
    with st.form(f"decide-{row.id}", border=False):
        st.text_area(
            f"Arguments of call {row.id}, as JSON", text, key=_key(row, "arguments"),
            height=min(400, 70 + 24 * text.count("\n")),
        )
        st.text_input("Reason", key=_key(row, "reason"), help="Kept, and told to the agent.")
        with st.container(horizontal=True):
            _button(row, "Approve", "approved", primary=True)
            _button(row, "Approve with changes", "modified")
            _button(row, "Reject", "rejected")


def _button(row: ApprovalRow, words: str, state: Settled, *, primary: bool = False) -> None:
    st.form_submit_button(
        words, key=_key(row, state), type="primary" if primary else "secondary",
        on_click=_decide, args=(row, state),
    )


def _decide(row: ApprovalRow, state: Settled) -> None:
    who = access.actor()
    reason, typed = (str(st.session_state[_key(row, n)]) for n in ("reason", "arguments"))
    attempt("approvals", lambda pool: decide(
        pool, row.id, state, who=who, reason=reason, typed=typed
    ))


def _key(row: ApprovalRow, part: str) -> str:
    return f"approval-{row.id}-{part}"


def _lost(rows: Sequence[ApprovalRow]) -> None:
    if not rows:
        return
    st.warning("Nobody would hear a decision about these: their runs have fallen silent.")
    _table(rows, key="approvals-lost")


def _earlier() -> None:
    rows = ask(lambda pool: ApprovalDesk(pool).list(all=True, limit=_EARLIER))
    done = [row for row in rows if row.state != "waiting"]
    if done:
        _table(done, key="approvals-earlier")
    else:
        st.text("Nobody has decided anything yet.")


def _table(rows: Sequence[ApprovalRow], *, key: str) -> None:
    frame.table([_cells(row) for row in rows], key=key, open="trial", by="trial")


def _cells(row: ApprovalRow) -> dict[str, object]:
    asked = row.asked
    return {
        "id": row.id, "asked (UTC)": utc(row.asked_at), "state": shorten(row.told),
        "reason": shorten(row.reason), "scenario": asked.scenario, "runner": asked.runner,
        "agent": asked.agent, "tool": shorten(f"{asked.server}.{asked.tool}"), "risk": asked.risk,
        "arguments": shorten(arguments_text(asked)),
        "made with": "" if row.arguments is None else shorten(str(row.arguments)),
        "trial": row.trial_id,
    }
