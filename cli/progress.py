"""What a user sees of a run while it runs, on stderr."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.markup import escape

from agentdyno.cli.bars import Bars
from agentdyno.cli.watch import WatchPrinter
from agentdyno.core.sink import Watch
from agentdyno.core.trial import Outcome, Trial
from agentdyno.experiments.plan import PlannedTrial
from agentdyno.experiments.session import View


class RunView(View):
    """What a user sees of a run while it runs."""

    def __init__(self, console: Console, *, watch: bool = False) -> None:
        """
        Args:
            console: where to print; best stderr.
            watch: also show what happens in each trial, line by line above the bars.
        """
        self._console = console
        self._notes = console
        self._printer = WatchPrinter(console) if watch else None
        self._bars = Bars(console)
        self._labels: dict[str, str] = {}
        self._done = 0

    def __enter__(self) -> "RunView":
        self._bars.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.__exit__(kind, error, trace)

    @contextmanager
    def paused(self) -> Iterator[Console]:
        """Take the bars away, so that the user can be asked on the console that this yields.

        Notes are printed there meanwhile; everything else waits.
        """
        with self._bars.paused() as console:
            self._notes = console
            try:
                yield console
            finally:
                self._notes = self._console

    def note(self, text: str) -> None:
        """Print one line above the bars."""
        self._notes.print(text, style="yellow", markup=False, soft_wrap=True)

    def watch(self, planned: PlannedTrial) -> Watch | None:
        """Return what is to be told of a trial that begins now; null when nobody watches."""
        return self._printer.of(planned) if self._printer else None

    def environments(self, label: str, stage: str, done: int, total: int) -> None:
        """Show that an environment is being made."""
        self._bars.stage(label, stage, done, total)

    def planned(self, todo: Sequence[PlannedTrial], reused: int) -> None:
        """Make one bar per runner."""
        self._labels = {trial.id: trial.runner.label for trial in todo}
        labels = list(self._labels.values())
        for label in dict.fromkeys(labels):
            self._bars.total(label, labels.count(label))
        if todo:
            kept = f", {reused} stored already" if reused else ""
            self._console.print(f"running {_trials(len(todo))}{kept}", style="dim")

    def ended(self, trial: Trial) -> None:
        """Advance the runner's bar, and say at once what went wrong."""
        self._done += 1
        self._bars.advance(self._labels[trial.id])
        name = trial.key.place
        failed = [verdict.check for verdict in trial.verdicts if verdict.status != "pass"]
        if trial.outcome is not Outcome.COMPLETED:
            reason = trial.reason.splitlines()[0] if trial.reason else ""
            self._console.print(f"[red]{trial.outcome}[/] {escape(name)}: {escape(reason)}")
        elif failed:
            self._console.print(f"[red]failed[/] {escape(name)}: {escape(', '.join(failed))}")
        elif self._printer or not self._console.is_terminal:
            self._console.print(
                f"passed {self._done}/{len(self._labels)} {name}", markup=False, style="dim"
            )


def _trials(count: int) -> str:
    return "1 trial" if count == 1 else f"{count} trials"
