"""How the dashboard's server is started. Imports no Streamlit, so that the command line may ask."""

import os
from pathlib import Path

from agentdyno.core.settings import Settings
from agentdyno.dashboards.reach import check_host, is_loopback
from agentdyno.dashboards.theme import options
from agentdyno.experiments.companion import Companion

SCRIPT = Path(__file__).parent / "entry" / "start.py"
HEALTH = "/_stcore/health"
"""Answers 200 once pages can be opened."""
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def command(
    companion: Companion, settings: Settings, host: str, port: int
) -> tuple[list[str], dict[str, str]]:
    """Return the command line and the environment of the dashboard's server.

    Args:
        host: address to listen on, such as `127.0.0.1`.

    Raises:
        UsageError: others can reach `host` and no password is set.
    """
    check_host(host, settings.environment)
    flags = [f"--{name}={value}" for name, value in _options(host, port)]
    environ = companion.environ(settings.environment or os.environ)
    return companion.command("streamlit", "run", str(SCRIPT), *flags), environ


def _options(host: str, port: int) -> list[tuple[str, str]]:
    here = is_loopback(host)
    return [
        ("server.address", host), ("server.port", str(port)), ("server.headless", "true"),
        ("server.fileWatcherType", "none"), ("server.runOnSave", "false"),
        ("server.enableXsrfProtection", "true"), ("server.enableCORS", "true"),
        ("server.showEmailPrompt", "false"), ("browser.gatherUsageStats", "false"),
        # Other names that lead here would be somebody's DNS trick.
        *(("server.allowedHosts", name) for name in LOCAL_NAMES if here),
        ("client.toolbarMode", "minimal"), ("client.showErrorLinks", "false"),
        # What went wrong inside is for whoever sits before the machine.
        ("client.showErrorDetails", "full" if here else "type"),
        ("global.developmentMode", "false"),
        *options().items(),
    ]
