"""What was asked of the framework and what it was really given: settings, prompts, versions."""

import json
from typing import Any

import streamlit as st

from agentdyno.core.trial import Trial
from agentdyno.dashboards import frame
from agentdyno.dashboards.text import label, shorten, show


def show_settings(trial: Trial) -> None:
    """Show the parity manifest, agents with their prompts, and versions."""
    st.subheader("Requested and effective")
    if trial.report.parity:
        frame.table(
            [{"setting": one.name, "requested": _value(one.requested),
              "effective": _value(one.effective),
              "equal": "yes" if one.requested == one.effective else "no",
              "why not": shorten(one.note)} for one in trial.report.parity],
            key="parity", plain=True,
        )
    else:
        st.caption("The runner declares no settings of its own.")
    st.subheader("Agents")
    prompts = {one.agent: one for one in trial.prompts}
    for spec in trial.agents:
        with st.expander(f"{label(spec.name)}: {label(spec.role)}"):
            if use := prompts.get(spec.name):
                version = f" version {use.version}" if use.version is not None else ""
                st.caption(f"Prompt {label(use.name)}{version}, from {label(use.source)},"
                           f" sha256 {use.sha256[:12]}")
            show(spec.instructions, language="markdown")
            show(_value({
                "model": spec.model, "temperature": spec.temperature, "tools": spec.tools,
                "memory": spec.memory, "max_turns": spec.max_turns,
            }, most=2000), language="json")
    st.subheader("Identity")
    show(trial.key.model_dump_json(indent=2), language="json")
    st.subheader("Versions and resources of the worker")
    report = trial.report
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    show(versions or "The worker reported no versions.")
    cold = ", the first trial of its process" if report.cold else ""
    st.caption(f"{report.cpu_s:.3f} s of CPU, at most {report.peak_rss_mb:,.0f} MiB{cold}")
    if report.error:
        st.subheader("What the framework raised")
        st.caption(label(report.error_type or ""))
        show(report.error)


def _value(value: Any, most: int = 80) -> str:
    return shorten(json.dumps(value, ensure_ascii=False), most)
