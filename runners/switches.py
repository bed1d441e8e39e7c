"""The environment of every worker process: each switch with its reason.

Nothing else of the user's environment reaches a worker, so no API key does, and a measurement
does not depend on the shell that it was started from.
"""

import os
from collections.abc import Mapping
from pathlib import Path

NO_AUTHORITY = Path(__file__).with_name("no_authority.pem")
"""A self-signed certificate whose key was thrown away: it vouches for nobody."""

INHERITED = (
    "PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ",
    "LD_LIBRARY_PATH",  # a Python linked against its own shared library finds it by this
    "SYSTEMROOT",  # Windows: without it no socket opens
)
"""Variables that pass through from the harness: where programs are, which language and time."""

QUIET: dict[str, str] = {
    # Telemetry and tracing: nothing may leave the machine, and nothing but the work is measured.
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "CREWAI_DISABLE_VERSION_CHECK": "true",
    "CREWAI_TESTING": "true",  # no first-run question about traces
    "OTEL_SDK_DISABLED": "true",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "LOGFIRE_SEND_TO_LOGFIRE": "false",
    "ANONYMIZED_TELEMETRY": "False",
    "DEEPEVAL_TELEMETRY_OPT_OUT": "YES",
    "DO_NOT_TRACK": "1",
    # A .env file on the way up from the working folder is not part of the scenario.
    "PYTHON_DOTENV_DISABLED": "1",
}
"""What frameworks must be told wherever they run, before they are imported."""

SWITCHES: dict[str, str] = {
    **QUIET,
    # Same input, same bytes on the wire: LangGraph orders tools by a set.
    "PYTHONHASHSEED": "0",
    # Packages of the user's account are not part of the lock.
    "PYTHONNOUSERSITE": "1",
    "PYTHONUTF8": "1",
    # What a framework prints reaches the log before it crashes.
    "PYTHONUNBUFFERED": "1",
    # Every HTTP client loads the trusted certificates: 20 ms CPU for the public ones, under
    # 1 ms for this one. Workers speak plain HTTP with the gateways and TLS with nobody.
    "SSL_CERT_FILE": str(NO_AUTHORITY),
    # The gateways are on this machine.
    "NO_PROXY": "127.0.0.1,localhost,::1",
}
"""Set in every worker process."""


def worker_environment(home: Path, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return all variables of a worker whose files go below the private folder `home`.

    Frameworks keep keys, databases and caches in the user's folders (CrewAI writes a secret and
    an SQLite file that concurrent crews share), so each worker gets folders of its own.
    """
    kept = {name: inherited[name] for name in INHERITED if name in inherited}
    folders = {
        name: str(home) for name in (
            "HOME", "USERPROFILE", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
            "XDG_STATE_HOME", "APPDATA", "LOCALAPPDATA",
        )
    }
    return {**kept, **folders, **SWITCHES}
