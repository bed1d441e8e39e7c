"""A gate's report on a terminal."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agentdyno.cli.gatewords import (
    chance,
    change,
    detectable,
    drift_details,
    drift_told,
    flip_told,
    margin,
    number,
    verdict_line,
)
from agentdyno.experiments.gate.gate import GateReport
from agentdyno.experiments.gate.judge import GateLine

__all__ = ["print_report", "verdict_line"]
STYLES = {"regression": "bold red", "inconclusive": "yellow", "improved": "green", "pass": ""}
_MOST = 20


def print_report(console: Console, report: GateReport) -> None:
    """Print lines, wire drift, flips and notes; the one-line verdict is left to the caller."""
    quiet = [line for line in report.lines if line.verdict == "pass" and line.p is None]
    told = [line for line in report.lines if line not in quiet]
    if told:
        console.print(_table(told))
    if quiet:
        console.print(f"{len(quiet)} questions pass exactly: what was sent is the same, so nothing "
                      "scatters and there is no interval", style="dim", soft_wrap=True)
    for drift in report.drifts[:_MOST]:
        console.print(f"[red]wire drift[/] {escape(drift_told(drift))}", soft_wrap=True)
        for line in drift_details(drift):
            console.print(f"  {line}", markup=False, soft_wrap=True)
    if len(report.drifts) > _MOST:
        console.print(f"and {len(report.drifts) - _MOST} more drifts: --json FILE has them all")
    for flip in report.flips[:_MOST]:
        console.print(f"flipped: {flip_told(flip)}", markup=False, soft_wrap=True)
    if len(report.flips) > _MOST:
        console.print(f"and {len(report.flips) - _MOST} more cases: --json FILE has them all")
    for note in report.notes:
        console.print(f"note: {note}", style="dim", markup=False, soft_wrap=True)


def _table(lines: Sequence[GateLine]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("runner", "metric"):
        table.add_column(name, no_wrap=True)
    for name in ("blessed", "now", "change", "margin", "p", "detectable", "trials"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict")
    for line in lines:
        why = f" ({line.why})" if line.why else ""
        table.add_row(
            line.runner, line.metric, number(line.before), number(line.now), change(line),
            margin(line), chance(line), detectable(line),
            f"{line.trials_before}/{line.trials_now}", escape(f"{line.verdict}{why}"),
            style=STYLES[line.verdict],
        )
    return table
