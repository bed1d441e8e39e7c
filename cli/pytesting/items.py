"""Collected files and their items."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentdyno.core.errors import DynoError

if TYPE_CHECKING:
    from agentdyno.cli.pytesting.cells import Cell, Chosen
    from agentdyno.experiments.pytesting.trialview import TrialView


class NotAsExpected(Exception):
    """Too few trials of an item passed; the message is the whole report."""


def chosen_of(config: pytest.Config) -> "Chosen":
    """Return what the command line says."""
    from agentdyno.cli.pytesting.cells import Chosen

    return Chosen(
        runners=tuple(config.getoption("dyno_runners")), trials=config.getoption("dyno_trials"),
        model=config.getoption("dyno_model"),
    )


def check_options(config: pytest.Config) -> None:
    """Refuse runners that there are not, and numbers that are none."""
    from agentdyno.cli.pytesting.cells import check_runner

    try:
        for spec in config.getoption("dyno_runners"):
            check_runner(spec)
    except DynoError as error:
        raise pytest.UsageError(f"--dyno-runner: {error}") from error
    trials = config.getoption("dyno_trials")
    if trials is not None and trials < 1:
        raise pytest.UsageError(f"--dyno-trials {trials}: at least one trial")


class DynoFile(pytest.File):
    """A `*.dyno.yaml`."""

    def collect(self) -> Iterator["DynoItem"]:
        """Yield an item for each scenario, runner and variant."""
        from agentdyno.cli.pytesting.cells import cells_of_file

        yield from self._items(cells_of_file)

    def _items(self, read: Callable[[Path, "Chosen"], list["Cell"]]) -> Iterator["DynoItem"]:
        try:
            cells = read(self.path, chosen_of(self.config))
        except DynoError as error:
            raise self.CollectError(str(error)) from error
        for cell in cells:
            yield DynoItem.from_parent(self, name=cell.name, cell=cell)


class ScenarioFile(DynoFile):
    """The `scenario.yaml` of a folder that the command line names."""

    def collect(self) -> Iterator["DynoItem"]:
        """Yield an item for each case of each arrangement on each runner."""
        from agentdyno.cli.pytesting.cells import cells_of_scenario

        yield from self._items(cells_of_scenario)


class DynoItem(pytest.Item):
    """One scenario on one runner, in one variant."""

    def __init__(self, *, cell: "Cell", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cell = cell
        self.add_marker("dyno")
        for mark in cell.suite.marks:
            self.add_marker(mark)
        if cell.unsupported:
            self.add_marker(pytest.mark.skip(
                reason=f"{cell.runner} does not run {cell.loaded.situation}: {cell.unsupported}"))
        if reason := cell.known:
            # A bench that fails is no failure that was known.
            self.add_marker(pytest.mark.xfail(reason=reason, strict=True, raises=NotAsExpected))

    def runtest(self) -> None:
        """Run the trials and hold them against what is expected."""
        from agentdyno.cli.pytesting.lab import NotRun
        from agentdyno.cli.pytesting.properties import tell
        from agentdyno.cli.pytesting.session import session_of
        from agentdyno.experiments.pytesting.trialview import TrialView

        cell, session = self.cell, session_of(self.config)
        try:
            trials = session.call(session.trials(cell.options, cell.variant, cell.change))
        except NotRun as reason:
            pytest.skip(str(reason))
        views = [TrialView(trial) for trial in trials]
        tell(self, views)
        self._judge(views)

    def _judge(self, views: Sequence["TrialView"]) -> None:
        from agentdyno.cli.pytesting.judging import failures

        expect, failed = self.cell.suite.expect, dict[str, str]()
        for view in views:
            if told := failures(view, expect.checks, self.cell.loaded.folder):
                failed[view.id] = told
        passed = len(views) - len(failed)
        if passed < expect.at_least * len(views):
            head = f"{passed} of {len(views)} trials passed; expected {expect.at_least:.0%}"
            raise NotAsExpected("\n\n".join([head, *failed.values()]))

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> Any:
        """Return what a person needs: no traceback where the trial, or a file, is at fault."""
        if isinstance(excinfo.value, NotAsExpected | DynoError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the item stands."""
        return self.path, self.cell.line - 1, self.name
