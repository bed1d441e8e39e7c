"""Tools: what agents are offered, how it did, whether its servers work, and what is missing."""

import json
from collections.abc import Sequence

import streamlit as st

from agentdyno.core.estimate import Estimate
from agentdyno.dashboards import frame, links
from agentdyno.dashboards.bridge import ask
from agentdyno.dashboards.text import label, shorten, show
from agentdyno.dashboards.times import utc
from agentdyno.dashboards.trials.toollines import (
    ORDER,
    ToolLine,
    missed_tools,
    server_health,
    tool_lines,
)
from agentdyno.dashboards.trialviews.reading import load_names, place
from agentdyno.evals.stats import wilson
from agentdyno.store.gaps import GapRow, gaps
from agentdyno.store.toollists import OfferedTool, offered_tools
from agentdyno.store.tooluse import (
    NEWEST,
    ToolUse,
    tool_trials,
    tool_use,
    tool_use_by_runner,
)

_SECTIONS = ("Registry", "Health", "Gaps")
_REPORTS = 500
"""Newest reports of gaps that are looked at."""


def page() -> None:
    """Show the section of the tools that the user chose."""
    frame.header("Tools", "What agents are offered, how it did, and what they say they lack.")
    names = load_names()
    if not names.scenarios:
        frame.empty("No trial is stored yet, so no tool was called.",
                    "agentdyno run investment_analysis")
        return
    section = links.choose_section("Section", _SECTIONS, "part")
    left, right = st.columns(2)
    with left:
        scenario = _given(links.choose("Scenario", ["all", *names.scenarios], "scenario"))
    with right:
        runner = _given(links.choose("Runner", ["all", *names.runners], "runner"))
    if section == "Gaps":
        _gaps(scenario, runner)
        return
    lines = [
        line for line in tool_lines(_offered(place()), _used(place(), scenario, runner))
        if line.use or (not runner and line.offered
                        and (scenario is None or scenario in line.offered.scenarios))
    ]
    if not lines:
        frame.empty("No tool was offered or called in these trials.",
                    f"agentdyno run {scenario or 'investment_analysis'}")
    elif section == "Health":
        _health(lines)
    else:
        _registry(lines)


def _given(choice: str | None) -> str | None:
    return None if choice in (None, "all") else choice


@st.cache_data(ttl=60, max_entries=4, show_spinner=False)
def _offered(where: str) -> list[OfferedTool]:
    return ask(offered_tools)


@st.cache_data(ttl=15, max_entries=64, show_spinner=False)
def _used(where: str, scenario: str | None, runner: str | None) -> list[ToolUse]:
    return ask(lambda pool: tool_use(pool, scenario=scenario, runner=runner))


def _registry(lines: Sequence[ToolLine]) -> None:
    st.caption(
        "Without errors: trials in which no call of the tool ended in an error, with Wilson's 95 %"
        " interval. Calls into which the harness put a fault are left out, and so are those that"
        " were refused: by a person, a limit, or because the agent may not."
    )
    row = frame.table([_row(line) for line in lines], key="tools", height=420)
    wanted = links.parameter("tool")
    chosen = lines[row] if row is not None and row < len(lines) else next(
        (line for line in lines if f"{line.server}.{line.tool}" == wanted), None
    )
    if chosen is None:
        st.info("Choose a tool to see what it is and how it did on each runner.")
    else:
        _one(chosen)


def _row(line: ToolLine) -> dict[str, object]:
    use = line.use
    return {
        "tool": f"{line.server}.{line.tool}", "risk": line.risk or "unknown",
        "state": line.health, "trials": use.trials if use else 0,
        "calls": use.calls if use else 0, "errors": line.errors,
        "without errors": rate_text(line.rate),
        "slowest ms": round(1000 * use.slowest_s, 1) if use else None,
        "last called (UTC)": utc(use.last_used) if use else "never",
        "what it says it does": shorten(line.offered.description) if line.offered
        else "offered by no newest trial",
    }


def rate_text(rate: Estimate | None) -> str:
    """Return a share with its interval and its n."""
    if rate is None:
        return "no trial to tell"
    return f"{100 * rate.value:.0f} % ({100 * rate.low:.0f} to {100 * rate.high:.0f}, n={rate.n})"


def _one(line: ToolLine) -> None:
    st.subheader(label(f"{line.server}.{line.tool}", 120))
    if line.offered is not None:
        show(line.offered.description or "Its server gives no description.")
        st.caption(f"Offered to {label(', '.join(line.offered.agents), 200)} in"
                   f" {label(', '.join(line.offered.scenarios), 200)}")
        with st.expander("Arguments and annotations, as agents are shown them"):
            show(json.dumps(line.offered.input_schema, ensure_ascii=False, indent=2),
                 language="json")
            show(json.dumps(line.offered.annotations, ensure_ascii=False, indent=2),
                 language="json")
    if line.use is None:
        st.info("No stored trial called it: its definition cost tokens and brought nothing.")
        return
    st.markdown(f"**On each runner**, over the newest {NEWEST:,} trials that called it")
    runners = ask(lambda pool: tool_use_by_runner(pool, line.server, line.tool))
    frame.table(
        [{"runner": one.server, "scenario": one.tool, "trials": one.trials, "calls": one.calls,
          "without errors": rate_text(wilson(one.clean, one.judged)), "refused": one.refused,
          "arguments did not fit": one.invalid, "tool's own errors": one.failed,
          "crashed or too slow": one.broken, "injected": one.injected,
          "recorded": one.recorded, "slowest ms": round(1000 * one.slowest_s, 1)}
         for one in runners], key="tool_runners", plain=True,
    )
    erring = ask(lambda pool: tool_trials(pool, line.server, line.tool, erring=True, limit=50))
    if not erring:
        st.caption("No trial in which a call of it ended in an error.")
        return
    st.markdown("**Newest trials in which a call of it ended in an error**")
    frame.table(
        [{"trial": one.trial, "started (UTC)": utc(one.started_at), "scenario": one.scenario,
          "runner": one.runner, "calls": one.calls, "errors": one.errors} for one in erring],
        key="tool_trials", open="trial", by="trial",
    )


def _health(lines: Sequence[ToolLine]) -> None:
    states = server_health(lines)
    st.caption(
        "`broken`: in the newest trial that called one of its tools, the server crashed or was too"
        " slow. `broke before`: it did, and has worked since. Errors that tools answer with are"
        " no fault of the server."
    )
    rows = []
    for server, state in sorted(states.items(), key=lambda one: (ORDER.index(one[1]), one[0])):
        uses = [line.use for line in lines if line.server == server and line.use]
        broken = [use.last_broken for use in uses if use.last_broken]
        calls = sum(use.calls - use.injected - use.recorded for use in uses)
        rows.append({
            "server": server or "none: the tool does not exist", "state": state,
            "tools": sum(line.server == server for line in lines),
            "calls that it answered": calls,
            "crashed or too slow": sum(use.broken for use in uses),
            "last time (UTC)": utc(max(broken)) if broken else "never",
            "last called (UTC)": utc(max(use.last_used for use in uses)) if uses else "never",
            "slowest ms": round(1000 * max((use.slowest_s for use in uses), default=0.0), 1),
        })
    frame.table(rows, key="servers", plain=True)
    st.caption("To start the servers of a scenario now and ask what they offer:")
    show("agentdyno validate SCENARIO", language="bash")


def _gaps(scenario: str | None, runner: str | None) -> None:
    reports = ask(lambda pool: gaps(pool, scenario=scenario, runner=runner, limit=_REPORTS))
    if not reports:
        frame.empty("No agent reported a missing tool. Agents can where a scenario says"
                    " `report_missing_tools: true`.", "agentdyno run zero_tools")
        return
    missed = missed_tools(reports)
    st.caption(f"{len(reports):,} reports, each held against what the agent really was offered.")
    row = frame.table(
        [{"lacks": one.name, "trials": one.trials, "estimated risk": one.risk,
          "scenarios": ", ".join(one.scenarios), "to do what": shorten(one.description)}
         for one in missed], key="missed", height=260,
    )
    name = missed[row].name if row is not None and row < len(missed) else missed[0].name
    st.subheader(label(name, 120))
    found = [report for report in reports
             if any(tool.name == name for tool in report.gap.missing_tools)]
    for report in found[:5]:
        _report(report)
    if len(found) > 5:
        st.caption(f"The newest 5 of {len(found)} reports.")


def _report(report: GapRow) -> None:
    links.link("trial", f"{report.gap.agent} in {report.scenario} on {report.runner}"
               f" {report.runner_version}, trial {report.trial[:10]}", trial=report.trial)
    show(report.gap.model_dump_json(indent=2, exclude={"kind", "started_s", "ended_s"}),
         language="json")
