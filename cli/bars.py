"""Progress bars on stderr: bars on a terminal, one line per step elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)


class Bars:
    """Named bars on a terminal; lines where there is none."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._tasks: dict[str, TaskID] = {}
        self._stages: dict[str, str] = {}
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24),
            MofNCompleteColumn(), TimeElapsedColumn(), console=console, transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    @contextmanager
    def paused(self) -> Iterator[Console]:
        """Take the bars away for a question; yields the console to ask on.

        What else is printed meanwhile is held back until the block is left.
        """
        if self.console.is_terminal:
            self._progress.stop()
        try:
            with self.console:
                yield Console(file=self.console.file, highlight=False)
        finally:
            if self.console.is_terminal:
                self._progress.start()

    def stage(self, name: str, stage: str, done: int, total: int) -> None:
        """Show that `name` is at `stage`, `done` of `total`."""
        if self._stages.get(name) != stage:
            self._stages[name] = stage
            if not self.console.is_terminal:
                self.console.print(f"{name}: {stage}", markup=False)
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(escape(name), total=total)
        self._progress.update(
            self._tasks[name], description=escape(f"{name}: {stage}"), completed=done, total=total
        )

    def total(self, name: str, total: int) -> None:
        """Start a fresh bar for `name`."""
        if name in self._tasks:
            self._progress.remove_task(self._tasks[name])
        self._tasks[name] = self._progress.add_task(escape(name), total=total)

    def advance(self, name: str) -> None:
        """Move the bar of `name` by one."""
        self._progress.advance(self._tasks[name])
