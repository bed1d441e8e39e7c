"""How another trial asked the model for the same thing."""

import streamlit as st

from agentdyno.core.trial import Trial
from agentdyno.dashboards import frame, links
from agentdyno.dashboards.bridge import ask
from agentdyno.dashboards.text import label, shorten, show
from agentdyno.dashboards.trials.difflines import (
    call_title,
    change_row,
    differs,
    message_title,
    places,
    signed,
    token_rows,
    tool_title,
)
from agentdyno.dashboards.trialviews.paging import paged
from agentdyno.dashboards.trialviews.reading import load_lines, load_trial, place
from agentdyno.experiments.wirediff.diff import Recorded, diff_trials
from agentdyno.experiments.wirediff.nouns import CallDiff, Side, TrialDiff
from agentdyno.store.trialpick import TrialChoice, trial_choices
from agentdyno.store.trials import TrialStore

_MOST_BYTES = 40_000_000
"""Bytes of both wires together beyond which a page does not compare them."""
_ROWS = 8000
"""Characters shown of one message's diff."""


def show_diff(trial: Trial) -> None:
    """Let the user choose another trial, and show what was sent otherwise."""
    other = _other(trial)
    if other is None:
        return
    size = sum(line.size for one in (trial, other) for line in load_lines(one))
    if size > _MOST_BYTES:
        frame.empty(
            f"Both wires together have {size / 1e6:,.0f} MB, which is too much for a page.",
            f"agentdyno diff {trial.id[:10]} {other.id[:10]}",
        )
        return
    found = _diff(place(), trial.id, other.id, trial.started_at, other.started_at)
    _heads(found)
    if found.same:
        st.success("Both sent the same, word for word.")
    _tokens(found)
    _parameters(found)
    _tools(found)
    _messages(found)


def _other(trial: Trial) -> Trial | None:
    choices = {
        _name(one): one.id for one in ask(lambda pool: trial_choices(
            pool, scenario=trial.key.scenario, case=trial.key.case,
        )) if one.id != trial.id
    }
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        chosen = links.choose("Another trial of the same case", list(choices), "against",
                              index=None)
    with right:
        typed = st.text_input("or the id of any trial", key="other", bind="query-params",
                              placeholder="its first characters do")
    if typed:
        return load_trial(typed.strip())
    if chosen:
        return load_trial(choices[chosen])
    if not choices:
        frame.empty("No other trial of this case is stored.",
                    f"agentdyno run {trial.key.scenario} --runner all")
    else:
        st.info("Choose the trial to hold this one against.")
    return None


def _name(one: TrialChoice) -> str:
    faults = f", faults {one.faults}" if one.faults else ""
    return (f"{one.runner}, {one.variant}, repeat {one.repeat}, {one.model}{faults},"
            f" {one.outcome}, {one.id[:8]}")


# Trials run again under the same id; when they began tells the executions apart.
@st.cache_resource(max_entries=8, show_spinner="Comparing…")
def _diff(where: str, a: str, b: str, began_a: str, began_b: str) -> TrialDiff:
    def load(trial_id: str) -> Recorded:
        return load_trial(trial_id), ask(lambda pool: TrialStore(pool).wire(trial_id))

    return diff_trials(load(a), load(b))


def _heads(diff: TrialDiff) -> None:
    for name, side, column in zip("AB", (diff.a, diff.b), st.columns(2), strict=True):
        with column:
            st.markdown(f"**{name}** {label(_side(side), 200)}")
            links.link("trial", f"Open trial {side.trial[:10]}", trial=side.trial)
    for note in diff.notes:
        st.warning(label(note, 300))


def _side(side: Side) -> str:
    faults = f", faults {side.faults}" if side.faults else ""
    return (f"{side.runner}, {side.scenario}, {side.variant}, repeat {side.repeat},"
            f" {side.model} model, {side.retries}{faults}, {side.calls} calls")


def _tokens(diff: TrialDiff) -> None:
    st.subheader("Calls and their tokens, A → B")
    frame.table(token_rows(diff), key="diff_tokens", plain=True,
                height=400 if len(diff.calls) > 10 else None)
    extra = diff.b.tokens.prompt - diff.a.tokens.prompt
    share = f" ({100 * extra / diff.a.tokens.prompt:+.0f} %)" if diff.a.tokens.prompt else ""
    st.caption(f"B sends {extra:+,} prompt tokens{share}; counted by agentdyno in one way for"
               " both.")


def _parameters(diff: TrialDiff) -> None:
    if not diff.parameters:
        return
    st.subheader("Parameters")
    frame.table(
        [{**change_row(one.change), "calls": places(one.where)} for one in diff.parameters],
        key="diff_parameters", plain=True,
    )


def _tools(diff: TrialDiff) -> None:
    if not (diff.tools or diff.order):
        return
    st.subheader("Tools")
    for tool in paged(diff.tools, "diff_tools", size=20):
        with st.expander(label(tool_title(tool), 160)):
            st.caption(label(places(tool.where), 200))
            if tool.description:
                show(signed(tool.description), language="diff", most=_ROWS)
            if tool.changes:
                rows = [change_row(change) for change in tool.changes]
                show("\n".join(f"{row['where']}: {row['how']}\n- {row['A']}\n+ {row['B']}"
                               for row in rows), language="diff", most=_ROWS)
    for order in diff.order:
        st.caption("The same tools in another order:")
        show(f"- {', '.join(order.a)}\n+ {', '.join(order.b)}", language="diff")


def _messages(diff: TrialDiff) -> None:
    calls = [call for call in diff.calls if differs(call)]
    if not calls:
        return
    st.subheader("Messages")
    for number, call in enumerate(paged(calls, "diff_calls", size=10)):
        with st.expander(label(call_title(call), 160), expanded=number == 0):
            _call(call)


def _call(call: CallDiff) -> None:
    for side, asked in (("A", call.a), ("B", call.b)):
        if asked is not None and asked.error:
            st.caption(f"{side}: HTTP {asked.status} {label(asked.error, 200)}")
    if call.a is None or call.b is None:
        alone = call.a or call.b
        assert alone is not None
        show("\n".join(shorten(role, 200) for role in alone.roles))
        return
    for one in paged(call.messages, f"diff_{call.agent}_{call.number}", size=20):
        st.markdown(f"**{label(message_title(one), 200)}**")
        if one.text:
            show(signed(one.text), language="diff", most=_ROWS)
