"""Progress of a running matrix, on stderr."""

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from agentdyno.core.trial import Outcome, Trial
from agentdyno.experiments.matrix import Watcher
from agentdyno.experiments.plan import PlannedTrial


def bars(console: Console) -> Progress:
    """Return a progress display of the house's look; it vanishes when it is done."""
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24),
        MofNCompleteColumn(), TimeElapsedColumn(), console=console, transient=True,
    )


class _Bars(Watcher):
    """One bar per runner; without a terminal, one line per finished trial."""

    def __init__(self, progress: Progress, planned: list[PlannedTrial]) -> None:
        self._progress = progress
        self._done = 0
        self._total = len(planned)
        self._tasks = {}
        for label in dict.fromkeys(trial.runner.label for trial in planned):
            total = sum(trial.runner.label == label for trial in planned)
            self._tasks[label] = progress.add_task(escape(label), total=total)
        self._label = {trial.id: trial.runner.label for trial in planned}

    def ended(self, trial: Trial) -> None:
        """Advance the runner's bar, and say at once what went wrong."""
        self._done += 1
        self._progress.advance(self._tasks[self._label[trial.id]])
        console = self._progress.console
        failed = [verdict.check for verdict in trial.verdicts if verdict.status != "pass"]
        name = f"{trial.key.scenario} × {trial.key.runner}, repeat {trial.key.repeat}"
        if trial.outcome is not Outcome.COMPLETED:
            line = trial.reason.splitlines()[0] if trial.reason else ""
            console.print(f"[red]{trial.outcome}[/] {escape(name)}: {escape(line)}")
        elif failed:
            console.print(f"[red]failed[/] {escape(name)}: {escape(', '.join(failed))}")
        elif not console.is_terminal:
            console.print(f"{self._done}/{self._total} passed {escape(name)}")


@contextlib.contextmanager
def watch(console: Console, planned: list[PlannedTrial]) -> Iterator[Watcher]:
    """Show the progress of `planned` for the duration of the context."""
    progress = bars(console)
    with progress:
        yield _Bars(progress, planned)
