"""DeepEval, which is an extra: whether it is there, and how it is imported so that it stays silent.

Its import takes two seconds of CPU and, unless told otherwise, reads `.env` files and posts what it
is used for to its maker.
"""

import os
from functools import cache
from importlib import metadata, util

from agentdyno.core.errors import UsageError

NAME = "deepeval"
INSTALL = "pip install 'agentdyno[deepeval]'"
"""Command that installs it; from a checkout with `uv pip install 'deepeval>=4.3,<5'`, too."""
OLDEST, BEFORE = (4, 3), (5,)
_QUIET = {
    "DEEPEVAL_TELEMETRY_OPT_OUT": "1", "DEEPEVAL_TELEMETRY_ENABLED": "0",
    "DEEPEVAL_DISABLE_DOTENV": "1", "DEEPEVAL_DISABLE_LEGACY_KEYFILE": "1",
    "DEEPEVAL_UPDATE_WARNING_OPT_IN": "0",
    "DEEPEVAL_EVAL_MODE": "llm", "CONFIDENT_TRACING_ENABLED": "0", "CONFIDENT_TRACE_FLUSH": "0",
    "ERROR_REPORTING": "0",
}


@cache
def version() -> str:
    """Return the version of DeepEval that is installed; it is not imported.

    Raises:
        UsageError: it is missing, or of a version whose scores mean something else.
    """
    try:
        found = metadata.version(NAME)
    except metadata.PackageNotFoundError:
        found = ""
    if not found or util.find_spec(NAME) is None:
        raise UsageError("checks of type judge need DeepEval, which is not installed.", INSTALL)
    numbers = tuple(int(part) for part in found.split(".")[:2] if part.isdigit())
    if not OLDEST <= numbers < BEFORE:
        raise UsageError(
            f"checks of type judge need DeepEval >=4.3,<5; version {found} is installed, whose "
            "scores mean something else.", INSTALL,
        )
    return found


def silence() -> None:
    """Turn off what DeepEval would send and write, in this process and those it starts.

    Whatever the user's environment says: nothing of a trial goes to anybody but his own judge.
    """
    os.environ.update(_QUIET)
    # With its maker's key, it would send there what it measures.
    for name in ("CONFIDENT_API_KEY", "DEEPEVAL_API_KEY"):
        os.environ.pop(name, None)


@cache
def load() -> None:
    """Import DeepEval; later calls cost nothing.

    Raises:
        UsageError: as `version`.
    """
    version()
    silence()
    import deepeval.metrics  # noqa: F401
