"""Recent runs, their health, and what needs somebody's attention."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import streamlit as st

from agentdyno.dashboards import frame, links
from agentdyno.dashboards.bridge import ask
from agentdyno.dashboards.charts.intervals import in_words
from agentdyno.dashboards.comparing import data
from agentdyno.dashboards.comparing.data import run_name
from agentdyno.dashboards.text import label, show
from agentdyno.evals.stats import wilson
from agentdyno.experiments.compare.stored import Flaky, arm_names, arm_of, flaky
from agentdyno.store.approvals import ApprovalDesk, ApprovalRow
from agentdyno.store.live import LiveBoard, LiveMatrix
from agentdyno.store.reading import CellRow, Reading, RunRow, TrialLine

_MOST = 10


def page() -> None:
    """Show the overview."""
    frame.header("Overview", "What ran lately, and what needs attention.")
    cells = data.cells()
    runs = data.runs()
    waiting = list(ask(lambda pool: ApprovalDesk(pool).list()))
    if not runs:
        frame.empty("Nothing has been run yet: a run makes trials, and everything here is made of "
                    "them.", "agentdyno run investment_analysis")
        return
    _numbers(cells, waiting)
    _attention(cells, runs, waiting)
    _runs(runs)


def _numbers(cells: Sequence[CellRow], waiting: Sequence[ApprovalRow]) -> None:
    counted, passed = sum(c.counted for c in cells), sum(c.passed for c in cells)
    rate = wilson(passed, counted)
    columns = st.columns(4)
    columns[0].metric("Trials", f"{sum(c.trials for c in cells):,}", border=True, height="stretch")
    columns[1].metric(
        "Passed", "–" if rate is None else f"{rate.value:.0%}", border=True, height="stretch",
        delta=None if rate is None else f"{rate.low:.0%} to {rate.high:.0%}, n = {rate.n:,}",
        delta_color="off", delta_arrow="off",
        help="Of all trials that count, whatever they ran; its 95 % Wilson interval says nothing "
             "of trials that are yet to come from other scenarios.",
    )
    columns[2].metric("Harness faults", f"{sum(c.harness_faults for c in cells):,}",
                      border=True, height="stretch",
                      help="The bench failed: these trials count nowhere.")
    columns[3].metric("Waiting for approval", f"{sum(not row.lost for row in waiting):,}",
                      border=True, height="stretch")


def _attention(
    cells: Sequence[CellRow], runs: Sequence[RunRow], waiting: Sequence[ApprovalRow]
) -> None:
    st.subheader("Needs attention")
    live = ask(lambda pool: LiveBoard(pool).list())
    calm = True
    kinds: tuple[tuple[str, Callable[[], None]], ...] = (
        (_count(len(waiting), "call waits", "calls wait", "for approval"),
         lambda: _waiting(waiting)),
        (_count(len(lost := _lost(runs, live)), "run", "runs", "fell silent or failed"),
         lambda: _lost_runs(lost)),
        (_count(len(found := _flaky(cells)), "case is", "cases are", "flaky"),
         lambda: _flaky_table(found)),
        (_count(sum(c.undecided for c in cells), "trial has", "trials have",
                "an inconclusive verdict, or a check in error"),
         lambda: _trials("inconclusive")),
        (_count(sum(c.harness_faults for c in cells), "trial", "trials", "the bench spoiled"),
         lambda: _trials("harness_fault")),
        (_count(sum(c.gaps for c in cells), "report", "reports", "of a missing tool"),
         lambda: _gaps(cells)),
    )
    for title, shown in kinds:
        if title:
            calm = False
            with st.expander(title):
                shown()
    if calm:
        st.success("Nothing: no call waits, no case is flaky, every check said pass or fail.")


def _count(number: int, one: str, many: str, rest: str) -> str:
    return f"{number:,} {one if number == 1 else many} {rest}" if number else ""


def _waiting(waiting: Sequence[ApprovalRow]) -> None:
    for row in waiting[:_MOST]:
        left, right = st.columns((4, 1))
        left.write(label(f"{row.request['server']}.{row.request['tool']}, asked by "
                         f"{row.request['agent']} in {row.request['scenario']}"
                         + (": its run has fallen silent" if row.lost else ""), 160))
        with right:
            links.link("approvals", "Decide", approval=str(row.id))


def _lost(runs: Sequence[RunRow], live: Sequence[LiveMatrix]) -> list[tuple[RunRow, str]]:
    """Return runs that did not end well, with what became of them."""
    heard = {one.matrix_id: one.state for one in live}
    found = []
    for run in runs:
        if run.status == "failed":
            found.append((run, "failed"))
        elif run.status == "running" and heard.get(run.id, "lost") == "lost":
            found.append((run, "says running, but nothing is heard of it: probably killed"))
    return found


def _lost_runs(found: Sequence[tuple[RunRow, str]]) -> None:
    for run, why in found[:_MOST]:
        st.write(f"{label(run_name(run.id, run.created_at))}: {label(why)}."
                 " The same command runs what is missing:")
        show(run.command, language="bash")


def _flaky(cells: Sequence[CellRow]) -> list[Flaky]:
    return flaky(cell for cell in cells if not cell.faults)


def _flaky_table(found: Sequence[Flaky]) -> None:
    names = arm_names(arm_of(one.cell) for one in found)
    st.caption("Chance that two trials of the same case differ in passing, the worst first.")
    frame.table([
        {"case": one.cell.situation, "arm": names[arm_of(one.cell)],
         "passed": f"{one.cell.passed} of {one.cell.counted}",
         "two trials differ": in_words(one.chance)}
        for one in found[:_MOST]
    ], key="flaky", plain=True)


def _trials(kind: str) -> None:
    lines = ask(lambda pool: Reading(pool).trials(kind, _MOST))
    frame.table([_line(line) for line in lines], key=f"trials_{kind}", open="trial", by="trial")


def _line(line: TrialLine) -> dict[str, object]:
    case = f":{line.case_name}" if line.case_name else ""
    return {
        "trial": line.id, "case": f"{line.scenario}{case}",
        "runner": f"{line.runner} {line.runner_version}", "variant": line.variant,
        "outcome": line.outcome, "reason": line.reason, "at": line.started_at,
    }


def _gaps(cells: Sequence[CellRow]) -> None:
    with_gaps: dict[str, int] = {}
    for cell in cells:
        if cell.gaps:
            with_gaps[cell.scenario] = with_gaps.get(cell.scenario, 0) + cell.gaps
    frame.table([{"scenario": name, "reports": n} for name, n in sorted(with_gaps.items())],
                key="gaps", plain=True)
    links.link("tools", "What is missing")


def _runs(runs: Sequence[RunRow]) -> None:
    st.subheader("Recent runs")
    st.caption("Choose one to compare what it executed.")
    chosen = frame.table([_run(run) for run in runs], key="runs", hide=("id",))
    if chosen is not None:
        links.go("compare", run=run_name(runs[chosen].id, runs[chosen].created_at))


def _run(run: RunRow) -> dict[str, object]:
    rate = wilson(run.passed, run.counted)
    took = (run.finished_at or datetime.now(UTC)) - run.created_at
    return {
        "id": run.id, "run": run_name(run.id, run.created_at), "command": run.command,
        "status": run.status,
        "trials": run.trials,
        "passed (95 % Wilson)": "–" if rate is None else
            f"{rate.value:.0%} ({rate.low:.0%} to {rate.high:.0%}, n={rate.n})",
        "undecided": run.undecided, "harness faults": run.harness_faults,
        "runners": ", ".join(run.runners), "scenarios": ", ".join(run.scenarios),
        "took": f"{took.total_seconds():,.0f} s" if run.finished_at else "–",
        "cost, USD": run.cost_usd,
    }
