"""Experiments: variants side by side, what is known of each, and what is promoted of them."""

from collections.abc import Sequence

import streamlit as st

from agentdyno.dashboards import auditview, frame, links
from agentdyno.dashboards.bridge import ask
from agentdyno.dashboards.charts.looks import looks
from agentdyno.dashboards.experimentview import (
    beside,
    guard_cells,
    look_cells,
    look_points,
    marks,
    prompts_of,
    title_of,
    verdict_cells,
)
from agentdyno.dashboards.promotionview import fulfil_wish, promotion
from agentdyno.dashboards.promptdiff import prompt_diff
from agentdyno.dashboards.text import label, show, visible
from agentdyno.experiments.abtest.standing import Standing, standing
from agentdyno.experiments.abtest.words import headline, next_step, plan_words, sentence
from agentdyno.store.experiments import ExperimentStore, ListedExperiment
from agentdyno.store.gradings import GradingStore

_KEPT_S = 600
"""Seconds for which a verdict that was computed from thousands of trials is kept at most: its
trials may also be run anew."""


def page() -> None:
    """Show one experiment and what may be done with it."""
    frame.header(
        "Experiments",
        "Variants held against a baseline by a test that was planned before it ran.",
    )
    fulfil_wish()
    listed = ask(lambda pool: ExperimentStore(pool).list())
    if not listed:
        frame.empty("No experiment was started on this database.",
                    "agentdyno experiment run safe_experimentation")
        return
    one = _chosen(listed)
    grading = ask(lambda pool: GradingStore(pool).newest())
    found = _standing(one.name, one.version, one.looks, grading)
    _plan(found)
    _verdicts(found)
    arm = links.choose("Variant", found.design.challengers, "variant")
    if arm is not None:
        _variant(found, arm)
        promotion(found, arm, newest=one.version == max(
            other.version for other in listed if other.name == one.name))
    auditview.section("experiment")


@st.cache_data(ttl=_KEPT_S, show_spinner="Computing verdicts from the trials …", max_entries=16)
def _standing(name: str, version: int, looks: int, grading: int) -> Standing:
    # These are here so that a new look, and new verdicts of old trials, are seen at once.
    del looks, grading
    return ask(lambda pool: standing(pool, name, version))


def _chosen(listed: Sequence[ListedExperiment]) -> ListedExperiment:
    names = list(dict.fromkeys(one.name for one in listed))
    name = links.choose("Experiment", names, "experiment") or names[0]
    versions = {str(one.version): one for one in listed if one.name == name}
    if len(versions) == 1:
        return next(iter(versions.values()))
    newest_first = sorted(versions, key=int, reverse=True)
    return versions[links.choose("Version", newest_first, "version") or newest_first[0]]


def _plan(found: Standing) -> None:
    st.text(visible(found.experiment.hypothesis.strip()))
    st.progress(found.rounds / found.design.rounds, text=label(headline(found), 200))
    st.caption(label(plan_words(found), 400))
    if command := next_step(found):
        show(command, language="bash")


def _verdicts(found: Standing) -> None:
    st.subheader("Verdicts")
    for one in found.verdicts:
        st.text(visible(sentence(one, found.design.baseline)))
    frame.table(verdict_cells(found), key="verdicts", plain=True)
    if guards := guard_cells(found):
        st.caption("Guards: what must not get worse by more than its margin")
        frame.table(guards, key="guards", plain=True)
    points, at = look_points(found), marks(found)
    if points and at is not None:
        reference, good, bad = at
        metric = found.experiment.metric
        kind = "ratio of" if reference else "difference in"
        st.altair_chart(looks(
            points, axis=f"{kind} {metric}", reference=reference, good=good, bad=bad,
        ), width="stretch")
        st.caption("Bands are intervals as of each look; beyond the dashed lines a difference"
                   " matters.")
    if found.looks:
        with st.expander(f"Looks ({len(found.looks)})"):
            frame.table(look_cells(found), key="looks", open="compare", by="matrix",
                        hide=("matrix",))


def _variant(found: Standing, arm: str) -> None:
    st.subheader("Side by side")
    baseline = found.design.baseline
    if title := title_of(found, arm):
        st.text(visible(f"{arm}: {title}"))
    for name, (old, new) in prompts_of(found, arm).items():
        difference = prompt_diff(old, new)
        told = difference.note or f"{difference.removed} taken out, {difference.added} put in"
        with st.expander(f"Prompt {label(name)}: {told}", expanded=old != new):
            if old == new:
                show(old)
                continue
            if difference.text:
                show(difference.text, language="diff")
            for column, who, text in zip(st.columns(2), (baseline, arm), (old, new), strict=True):
                with column:
                    st.caption(label(who))
                    show(text)
    if other := beside(found, arm):
        st.caption("Beside prompts it changes")
        show(other, language="json")
