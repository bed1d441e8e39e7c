"""What the checks say, with their evidence, and how far the trial can be trusted without them."""

import dataclasses

import streamlit as st

from agentdyno.core.judged import Judged
from agentdyno.core.trial import Trial, Verdict
from agentdyno.dashboards import frame
from agentdyno.dashboards.bridge import ask
from agentdyno.dashboards.text import label, shorten, show
from agentdyno.dashboards.times import utc
from agentdyno.dashboards.trialviews.reading import load_lines, load_records
from agentdyno.evals.confidence import confidence
from agentdyno.evals.signals import signals
from agentdyno.store.gradings import GradingStore, read_verdicts

_ICONS = {
    "pass": ":material/check_circle:", "fail": ":material/cancel:",
    "inconclusive": ":material/help:", "error": ":material/error:",
}
_JUDGING = 20
"""Exchanges of judges that are shown whole."""


def show_verdicts(trial: Trial) -> None:
    """Show each verdict with its reason, what judges said, and earlier gradings."""
    if not trial.verdicts:
        st.info("No check was asked of this trial: it has no verdict.")
    for verdict in sorted(trial.verdicts, key=lambda verdict: verdict.status == "pass"):
        _verdict(verdict)
    _confidence(trial)
    _judging(trial)
    _history(trial)


def _verdict(verdict: Verdict) -> None:
    st.markdown(f"{_ICONS[verdict.status]} **{label(verdict.check)}**: {verdict.status}")
    show(verdict.reason)
    if verdict.judged is not None:
        _judge(verdict.judged)


def _judge(judged: Judged) -> None:
    score = "no score" if judged.score is None else f"score {judged.score:.3f}"
    samples = f" of {len(judged.scores)} samples" if len(judged.scores) > 1 else ""
    st.caption(
        f"{label(judged.metric)} by {label(judged.model or 'nobody')}"
        f" ({label(judged.library)} {label(judged.version)}): {score}{samples},"
        f" threshold {judged.threshold:g}, {judged.calls} calls"
    )
    if judged.reason:
        show(judged.reason)


def _confidence(trial: Trial) -> None:
    found = signals(trial)
    figure = confidence(trial, found)
    st.subheader("Confidence without checks")
    st.caption(
        "A figure from what the trial shows of itself; `agentdyno confidence` says how well it"
        " foretells verdicts."
    )
    told = {"confidence": figure, **dataclasses.asdict(found)}
    for column, (name, value) in zip(st.columns(len(told)), told.items(), strict=True):
        column.metric(name.replace("_", " "), "no ground" if value is None else f"{value:.2f}")


def _judging(trial: Trial) -> None:
    asked = [line for line in load_lines(trial) if line.channel == "judge"]
    if not asked:
        return
    with st.expander(f"What judges were asked and answered: {len(asked)} exchanges"):
        for record in load_records(trial, *(line.seq for line in asked[:_JUDGING])):
            st.caption(f"Exchange {record.seq}")
            show(record.request, language="json")
            show(record.response, language="json")
        if len(asked) > _JUDGING:
            st.caption(f"The first {_JUDGING} of {len(asked)}; the others are under Wire.")


def _history(trial: Trial) -> None:
    gradings = ask(lambda pool: GradingStore(pool).history(trial.id))
    if not gradings:
        return
    sealed = ask(lambda pool: GradingStore(pool).sealed(trial.id))
    st.subheader("Graded again")
    rows = [{"when": "its run", "by": "", "command": "", **_statuses(sealed)}]
    rows += [
        {"when": utc(one.graded_at), "by": f"agentdyno {one.harness}",
         "command": shorten(one.command), **_statuses(read_verdicts(one.verdicts))}
        for one in gradings
    ]
    frame.table(rows, key="gradings", plain=True)


def _statuses(verdicts: tuple[Verdict, ...]) -> dict[str, str]:
    counts = dict.fromkeys(_ICONS, 0)
    for verdict in verdicts:
        counts[verdict.status] += 1
    return {status: str(count) for status, count in counts.items()}
