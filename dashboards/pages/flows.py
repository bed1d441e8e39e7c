"""Flows: the graph of a team, and what of it ran in one trial or in many."""

from collections.abc import Sequence

import streamlit as st

from agentdyno.core.pattern import Pattern
from agentdyno.dashboards import frame, links
from agentdyno.dashboards.bridge import ask
from agentdyno.dashboards.charts.flow import flow
from agentdyno.dashboards.text import label, show
from agentdyno.dashboards.trials.flow import Ran, Way, agents_of, declared, flow_of, ran
from agentdyno.dashboards.trials.openflow import openflow_document
from agentdyno.dashboards.trialviews.reading import load_names, load_trial
from agentdyno.evals.stats import wilson
from agentdyno.store.flowreading import FlowTrial, flow_trials

_TRIALS = 100
"""Newest trials that are looked at together."""


def page() -> None:
    """Show the flow of one trial when the address names one, else that of a scenario's trials."""
    frame.header("Flows", "How a team is meant to work together, and what of it ran.")
    wanted = links.parameter("trial")
    if wanted:
        _one(wanted)
    else:
        _many()


def _one(wanted: str) -> None:
    trial = load_trial(wanted)
    key = trial.key
    st.subheader(label(f"{key.situation} on {key.runner} {key.runner_version}", 160))
    left, right = st.columns(2)
    with left:
        links.link("trial", f"Open trial {trial.id[:10]}", trial=trial.id)
    with right:
        links.link("flows", "All trials of this scenario", scenario=key.scenario)
    _draw(trial.pattern, [flow_of(trial)])
    document = openflow_document(trial)
    if document is None:
        st.caption("OpenFlow has no document for this team's pattern.")
        return
    with st.expander("The same team as an OpenFlow document"):
        show(document, language="json")
        st.download_button("Save the document", document, mime="application/json",
                           file_name=f"{key.scenario}.flow.json", icon=":material/download:")


def _many() -> None:
    names = load_names()
    if not names.scenarios:
        frame.empty("No trial is stored yet, so nothing has flowed.",
                    "agentdyno run incident_response")
        return
    left, right = st.columns(2)
    with left:
        scenario = links.choose("Scenario", names.scenarios, "scenario")
    with right:
        runner = links.choose("Runner", ["all", *names.runners], "runner")
    assert scenario is not None
    found = ask(lambda pool: flow_trials(
        pool, scenario, runner=None if runner in (None, "all") else runner, limit=_TRIALS,
    ))
    trials = found.trials
    if not trials:
        frame.empty("This runner has no trial of this scenario.",
                    f"agentdyno run {scenario} --runner {runner}")
        return
    st.caption(f"The newest {len(trials):,} trials together, at most {_TRIALS}.")
    _draw(found.pattern, trials)
    st.subheader("Trials")
    row = frame.table(
        [{"trial": one.id, "outcome": one.outcome,
          "agents that worked": ", ".join(ran([one], ()).agents)} for one in trials],
        key="flow_trials", height=300,
    )
    if row is not None:
        links.go("flows", trial=trials[row].id)


def _draw(pattern: Pattern | None, trials: Sequence[FlowTrial]) -> None:
    ways = declared(pattern) if pattern else ()
    found = ran(trials, ways)
    if pattern is None:
        st.info("These trials were stored before patterns were: only what ran is drawn.")
    else:
        st.caption(f"Pattern {pattern.type}. Dashed: declared, and did not run.")
    st.graphviz_chart(flow(pattern, ways, found), alt="Graph of the team with what ran of it")
    _tables(trials, agents_of(pattern, found), ways, found)


def _tables(
    trials: Sequence[FlowTrial], agents: tuple[str, ...], ways: tuple[Way, ...], found: Ran
) -> None:
    n = len(trials)
    frame.table(
        [{"agent": agent, **_share(found.agents[agent], n), "activations": found.times[agent],
          "model calls": found.calls[agent], "failed calls": found.failed[agent],
          "seconds at work": round(found.seconds[agent], 3)} for agent in agents],
        key="flow_agents", plain=True,
    )
    if ways:
        frame.table(
            [{"from": way.source, "to": way.target, "condition": way.label,
              **_share(found.ways[way.source, way.target], n)} for way in ways],
            key="flow_ways", plain=True,
        )


def _share(count: int, n: int) -> dict[str, str]:
    if n == 1:
        return {"ran": "yes" if count else "no"}
    rate = wilson(count, n)
    assert rate is not None
    return {"ran in": f"{count} of {n}",
            "95 % interval": f"{100 * rate.low:.0f} to {100 * rate.high:.0f} %"}
