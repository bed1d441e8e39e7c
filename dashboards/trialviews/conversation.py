"""What was said, agent by agent, in order of time."""

from collections.abc import Sequence

import streamlit as st

from agentdyno.core.trial import Trial
from agentdyno.dashboards import links
from agentdyno.dashboards.text import label, show
from agentdyno.dashboards.trials.moments import Moment
from agentdyno.dashboards.trialviews.paging import paged
from agentdyno.dashboards.trialviews.reading import load_moments

_TEAM = "whole team"
_MOST = 4000
"""Characters of one text here; the wire has all of it."""
_ICONS = {
    "model": ":material/neurology:", "tool": ":material/build:", "memory": ":material/database:",
    "waiting": ":material/person_raised_hand:", "backoff": ":material/replay:",
    "message": ":material/chat:", "step": ":material/arrow_forward:",
    "fault": ":material/bolt:", "budget": ":material/payments:",
    "gap": ":material/construction:", "offer": ":material/handyman:",
}


def show_conversation(trial: Trial) -> None:
    """Show the user's turns and the answers, and below them what happened in between."""
    _turns(trial)
    found = load_moments(trial)
    agents = list(dict.fromkeys(moment.agent for moment in found if moment.agent))
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    with left:
        agent = links.choose("Agent", [_TEAM, *agents], "agent")
    with right:
        said = st.toggle("Only what was said", key="said", bind="query-params")
    chosen = [
        moment for moment in found
        if agent in (None, _TEAM, moment.agent)
        and (moment.kind in ("message", "step", "gap") if said else moment.kind != "offer")
    ]
    if not chosen:
        st.info("Nothing of the kind: the runner declares no messages here. The requests and "
                "answers of each call are under Wire.")
        return
    for moment in paged(chosen, "conversation_page"):
        _moment(moment)


def _turns(trial: Trial) -> None:
    for number, turn in enumerate(trial.user_turns):
        with st.chat_message("user"):
            show(turn, most=_MOST)
        if number < len(trial.answers):
            with st.chat_message("assistant"):
                show(trial.answers[number], most=_MOST)
    _more_answers(trial.answers[len(trial.user_turns):])


def _more_answers(answers: Sequence[str]) -> None:
    for answer in answers:
        with st.chat_message("assistant"):
            show(answer, most=_MOST)


def _moment(moment: Moment) -> None:
    took = f", {1000 * moment.took_s:,.0f} ms" if moment.took_s else ""
    who = label(moment.agent or "trial")
    wrong = " :material/error:" if moment.failed else ""
    st.markdown(
        f"{_ICONS[moment.kind]} **{who}** {label(moment.title, 200)}{wrong}"
        f" :gray[at {moment.started_s:.3f} s{took}, event {moment.number}]"
    )
    if moment.text:
        show(moment.text, most=_MOST)
