"""The recovery matrix as a table, and what its marks mean."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentdyno.cli.progress import RunView
from agentdyno.core.trial import Outcome, Retries, Trial
from agentdyno.experiments.chaos import Cell, RecoveryMatrix

_PROFILES: dict[Retries, str] = {
    "as-shipped": "retries as shipped: each framework tries again in its own way, or not",
    "uniform": "retries uniform: the gateway tries again, frameworks do not",
}
_TIMES = {2: "twice", 3: "three times"}
_NOT_JUDGED = {
    "not_reached": "n/a", "no_baseline": "no baseline", "harness_fault": "bench failed", "": "–",
}
_SHOWN_S = 0.15
"""Time lost below this is noise of the machine."""
_LEGEND = (
    "✓ completed, and passed every check that it passes without the fault; ✗ did not. "
    "n/a: no call that the fault could hit, so nothing is said.",
    "+n calls: model calls above the trial without the fault, of the framework; tries: further "
    "attempts of the gateway; s: time lost (warm trials).",
    "tool twice!: the same call of a tool that changes something was done more often than "
    "without the fault.",
)


def print_matrix(console: Console, matrix: RecoveryMatrix) -> None:
    """Print one row per fault and one column per runner."""
    title = f"{matrix.scenario}: one fault per trial; {_PROFILES[matrix.retries]}"
    console.print(title, style="bold", markup=False)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("fault", vertical="bottom", no_wrap=True)
    for runner in matrix.runners:
        table.add_column(runner.replace(" ", "\n"), vertical="bottom")
    for fault in matrix.faults:
        table.add_row(
            fault.replace("_", " ", 1),
            *(cell_text(matrix.cells[fault, runner]) for runner in matrix.runners),
        )
    table.add_section()
    table.add_row("recovered", *(_share(matrix, runner) for runner in matrix.runners))
    console.print(table)
    for line in _LEGEND:
        console.print(line, style="dim")


def cell_text(cell: Cell) -> Text:
    """Return one cell: recovered or not, at what price, and what was done twice."""
    n = len(cell.reached)
    if not n:
        return Text(_NOT_JUDGED[cell.why_not], style="dim")
    good = cell.recovered == n
    words = ["✓" if good else "✗"]
    if n > 1:
        words.append(f"{cell.recovered}/{n}")
    words += [
        "wrong result" if outcome is Outcome.COMPLETED else outcome.value
        for outcome in cell.outcomes
    ]
    words += [
        f"+{extra:g} {name if extra == 1 else plural}"
        for key, name, plural in (
            ("extra_model_calls", "call", "calls"), ("extra_tool_calls", "tool", "tools"),
            ("gateway_tries", "try", "tries"),
        ) if (extra := cell.median_of(key)) > 0
    ]
    lost = cell.time_lost_s
    if lost is not None and lost >= _SHOWN_S:
        words.append(f"{lost:.1f} s")
    text = Text(" ".join(words), style="green" if good else "red")
    for tool, times in cell.doubled.items():
        short = tool.partition(".")[2]
        text.append(f" {short} {_TIMES.get(times, f'{times} times')}!", style="bold yellow")
    return text


def _share(matrix: RecoveryMatrix, runner: str) -> Text:
    """Return how many of the trials that were reached recovered."""
    cells = [matrix.cells[fault, runner] for fault in matrix.faults]
    reached = sum(len(cell.reached) for cell in cells)
    return Text(f"{sum(cell.recovered for cell in cells)}/{reached}" if reached else "n/a")


class ChaosView(RunView):
    """What a user sees while the matrix runs: here a failure is a finding, not an alarm."""

    def ended(self, trial: Trial) -> None:
        """Advance the runner's bar; without a terminal, say how the trial ended."""
        self._bars.advance(self._labels[trial.id])
        if not self._console.is_terminal or trial.outcome is Outcome.HARNESS_FAULT:
            fault = trial.key.faults.partition(":")[0] or "no fault"
            self._console.print(
                f"{trial.key.runner}, {fault}: {trial.outcome.value}", markup=False, style="dim"
            )
