"""One trial: what was said, where the time went, the raw wire, the verdicts."""

from collections.abc import Callable, Mapping

import streamlit as st

from agentdyno.core.trial import Outcome, Trial
from agentdyno.dashboards import frame, links
from agentdyno.dashboards.bridge import ask
from agentdyno.dashboards.text import label, show
from agentdyno.dashboards.times import utc
from agentdyno.dashboards.trialviews.conversation import show_conversation
from agentdyno.dashboards.trialviews.diff import show_diff
from agentdyno.dashboards.trialviews.reading import load_names, load_trial
from agentdyno.dashboards.trialviews.settings import show_settings
from agentdyno.dashboards.trialviews.talking import show_talking
from agentdyno.dashboards.trialviews.timing import show_timing
from agentdyno.dashboards.trialviews.verdicts import show_verdicts
from agentdyno.dashboards.trialviews.wire import show_wire
from agentdyno.experiments.summary import measure
from agentdyno.store.trialpick import trial_choices

SECTIONS: Mapping[str, Callable[[Trial], None]] = {
    "Conversation": show_conversation, "Time": show_timing, "Who spoke to whom": show_talking,
    "Verdicts": show_verdicts, "Wire": show_wire, "Wire diff": show_diff,
    "Settings": show_settings,
}

_OUTCOMES = {
    Outcome.COMPLETED: ":material/check_circle:", Outcome.LIMIT: ":material/timer_off:",
    Outcome.AGENT_FAULT: ":material/error:", Outcome.HARNESS_FAULT: ":material/build_circle:",
    Outcome.CANCELLED: ":material/cancel:",
}


def page() -> None:
    """Show the trial that the address names, or trials to choose from."""
    frame.header("Trial", "One execution: everything that the instruments saw of it.")
    wanted = links.parameter("trial")
    if not wanted:
        _choose()
        return
    trial = load_trial(wanted)
    left, right, _ = st.columns([1, 1, 3])
    with left:
        links.link("trial", "Choose another trial")
    with right:
        links.link("flows", "The flow of its team", trial=trial.id)
    _head(trial)
    SECTIONS[links.choose_section("Section", list(SECTIONS), "section")](trial)


def _choose() -> None:
    names = load_names()
    if not names.scenarios:
        frame.empty("No trial is stored yet.", "agentdyno run investment_analysis")
        return
    columns = st.columns(3, vertical_alignment="bottom")
    with columns[0]:
        scenario = links.choose("Scenario", ["all", *names.scenarios], "scenario")
    with columns[1]:
        runner = links.choose("Runner", ["all", *names.runners], "runner")
    with columns[2]:
        bad = st.toggle("Only with a failed check or bad outcome", key="bad", bind="query-params")
    found = ask(lambda pool: trial_choices(
        pool, scenario=_given(scenario), runner=_given(runner), bad=bad,
    ))
    if not found:
        st.info("No trial fits these filters.")
        return
    st.caption(f"The newest {len(found):,}. Choose a line to open the trial.")
    frame.table(
        [{"trial": one.id, "started (UTC)": utc(one.started_at), "scenario": one.scenario,
          "case": one.case, "runner": one.runner, "variant": one.variant, "model": one.model,
          "faults": one.faults, "repeat": one.repeat, "outcome": one.outcome,
          "checks": f"{one.passed}/{one.passed + one.failed + one.undecided}",
          "s": round(one.duration_s, 3)} for one in found],
        key="trials", open="trial", by="trial",
    )


def _given(choice: str | None) -> str | None:
    return None if choice in (None, "all") else choice


def _head(trial: Trial) -> None:
    key = trial.key
    st.subheader(label(f"{key.situation} on {key.runner} {key.runner_version}", 160))
    faults = f", faults {key.faults}" if key.faults else ""
    st.caption(label(
        f"{trial.id}, started {trial.started_at}, variant {key.variant}, repeat {key.repeat},"
        f" model {key.model}, retries {key.retries}{faults}", 300,
    ))
    seen = measure(trial)
    passed = sum(verdict.status == "pass" for verdict in trial.verdicts)
    waited = (
        f", beside {trial.waited_s:.2f} s of waiting for people" if trial.waited_s >= 0.01 else ""
    )
    st.markdown(
        f"{_OUTCOMES[trial.outcome]} **{trial.outcome.value}** in {trial.duration_s:.3f} s{waited}."
        f" **{passed} of {len(trial.verdicts)}** checks passed. {seen.model_calls:,} model calls,"
        f" {seen.prompt_tokens:,} prompt and {seen.completion_tokens:,} completion tokens,"
        f" {seen.tool_calls:,} tool calls."
    )
    if trial.outcome is not Outcome.COMPLETED:
        st.warning(f"It ended as {trial.outcome.value}:")
        show(trial.reason or "no reason was kept")
    for note in trial.notes:
        st.caption(f"Note: {label(note, 300)}")
