"""What every command builds first: settings from the environment, and consoles."""

import os
import sys

from rich.console import Console

from agentdyno.core.settings import Settings, read_settings

PIPE_WIDTH = 200
"""Columns where nobody looks at a terminal, so that nothing is cut off."""


def load_settings() -> Settings:
    """Read the environment, once, in this one place; raises `UsageError`."""
    return read_settings(os.environ)


def stdout_console() -> Console:
    """Return a console for results. NO_COLOR and a pipe turn colours off; a pipe is wide."""
    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(highlight=False, width=wide)


def stderr_console() -> Console:
    """Return a console for progress and notes, so that stdout stays clean."""
    return Console(stderr=True, highlight=False)
