"""What one pytest process keeps for all of its tests: the event loop and the bench behind it."""

import uuid
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from agentdyno.cli.context import load_settings
from agentdyno.cli.pytesting.background import Background
from agentdyno.core.errors import DynoError
from agentdyno.core.settings import RunOptions, Settings
from agentdyno.core.trial import Trial
from agentdyno.core.variant import Variant

if TYPE_CHECKING:
    from agentdyno.cli.pytesting.lab import Lab

Result = TypeVar("Result")
CONCURRENCY = 2
"""Trials of one item that run at once."""
KEY = pytest.StashKey["Session"]()


class Session:
    """Made by the first test that needs it, closed with the session."""

    def __init__(self, run_id: str) -> None:
        self.settings: Settings = load_settings()
        self.background = Background()
        self._run_id = run_id
        self._lab: Lab | None = None

    def call(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Wait for `work` from a sync test."""
        return self.background.call(work)

    async def trials(
        self, options: RunOptions, variant: str = "baseline", change: Variant | None = None
    ) -> list[Trial]:
        """Run trials; to be awaited on the session's own loop. See `Lab.trials`."""
        if self._lab is None:
            from agentdyno.cli.pytesting.lab import Lab

            self._lab = Lab(self.settings, self._run_id, CONCURRENCY)
        return await self._lab.trials(options, variant, change)

    def close(self) -> None:
        """Store what is not stored yet and end everything; raises `DynoError`."""
        try:
            if self._lab is not None:
                self.call(self._lab.close())
        finally:
            self.background.close()


def session_of(config: pytest.Config) -> Session:
    """Return the session of `config`, making it the first time."""
    if KEY not in config.stash:
        worker = getattr(config, "workerinput", {})
        # All processes of pytest-xdist store under one run.
        config.stash[KEY] = Session(worker.get("testrunuid") or uuid.uuid4().hex)
    return config.stash[KEY]


def finish(session: pytest.Session) -> None:
    """Close what the tests of `session` have made; what cannot be stored fails the session."""
    made = session.config.stash.get(KEY, None)
    if made is None:
        return
    del session.config.stash[KEY]
    try:
        made.close()
    except DynoError as error:
        terminal = session.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is None:
            raise
        terminal.write_line(f"\nagentdyno: {error}", red=True)
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
