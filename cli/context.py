"""What every command builds first: settings from the environment, and consoles."""

import os
import sys
from typing import Any

from pydantic import SecretStr
from rich.console import Console

from agentdyno.core.errors import UsageError
from agentdyno.core.settings import Settings, cache_folder

PIPE_WIDTH = 200
"""Columns where nobody looks at a terminal, so that nothing is cut off."""


def load_settings() -> Settings:
    """Read the environment, once, in this one place.

    Raises:
        UsageError: neither HOME nor AGENTDYNO_CACHE says where to keep things.
    """
    environ = os.environ
    cache = cache_folder(environ)
    if cache is None:
        raise UsageError(
            "neither HOME nor AGENTDYNO_CACHE is set, so there is no place for environments.",
            "AGENTDYNO_CACHE=/some/folder agentdyno ...",
        )
    url = environ.get("AGENTDYNO_DATABASE_URL")
    return Settings(
        cache=cache,
        database_url=SecretStr(url) if url else None,
        environment=dict(environ),
        **_embeddings(),
    )


def _embeddings() -> dict[str, Any]:
    url, model, key = (
        os.environ.get(f"AGENTDYNO_EMBEDDINGS_{part}") or None for part in ("URL", "MODEL", "KEY")
    )
    if bool(url) != bool(model):
        raise UsageError(
            "AGENTDYNO_EMBEDDINGS_URL and AGENTDYNO_EMBEDDINGS_MODEL are only of use together.",
            "set both, or neither for a lexical memory",
        )
    return {
        "embeddings_url": url, "embeddings_model": model,
        "embeddings_key": SecretStr(key) if key else None,
    }


def stdout_console() -> Console:
    """Return a console for results. NO_COLOR and a pipe turn colours off; a pipe is wide."""
    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(highlight=False, width=wide)


def stderr_console() -> Console:
    """Return a console for progress and notes, so that stdout stays clean."""
    return Console(stderr=True, highlight=False)
