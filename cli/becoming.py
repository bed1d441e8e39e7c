"""Commands whose work is a process of another Python: this one makes ready and becomes it."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.settings import Settings
from agentdyno.experiments.companion import Companion, companion_if_ready


def ready_companion(settings: Settings) -> Companion:
    """Return the environment of MLflow and the dashboard; made first, with a bar, when missing.

    Raises:
        EnvironmentFault: it cannot be made.
    """
    if found := companion_if_ready(settings.cache):
        return found
    from agentdyno.cli.environments import UI, ensure_all

    ensure_all([UI])
    made = companion_if_ready(settings.cache)
    if made is None:
        raise EnvironmentFault(
            "MLflow and Streamlit are not installed beside agentdyno.",
            "pip install 'agentdyno[ui]'",
        )
    return made


def become(command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Replace this process by `command`: its signals, output and exit code are its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], list(command), dict(environ))  # noqa: S606 our own Python
