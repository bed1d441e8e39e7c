"""Who may reach the dashboard, and what keeps guessers out. Imports no Streamlit: the command line
asks before it starts anything."""

import hmac
import ipaddress
import threading
from collections.abc import Mapping

from agentdyno.core.errors import UsageError

PASSWORD = "AGENTDYNO_DASHBOARD_PASSWORD"  # noqa: S105
SHORTEST = 8
"""Characters that a password must have."""
_FREE_TRIES = 5
_MOST_WAIT_S = 60.0


class Lock:
    """Slows down who guesses: after some wrong passwords nobody may try for a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wrong = 0
        self._until = 0.0

    def left_s(self, now: float) -> float:
        """Return the seconds until somebody may try again."""
        with self._lock:
            return max(0.0, self._until - now)

    def wrong(self, now: float) -> None:
        """Count a wrong password."""
        with self._lock:
            self._wrong += 1
            if self._wrong >= _FREE_TRIES:
                self._until = now + min(_MOST_WAIT_S, 2.0 ** (self._wrong - _FREE_TRIES))

    def right(self) -> None:
        """Forget the wrong ones."""
        with self._lock:
            self._wrong = 0


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def check_host(host: str, environ: Mapping[str, str]) -> None:
    """Refuse to bind to `host` without a password where others can reach it.

    Raises:
        UsageError: with what to set.
    """
    word = environ.get(PASSWORD, "")
    if word and len(word) < SHORTEST:
        raise UsageError(
            f"{PASSWORD} is shorter than {SHORTEST} characters.",
            "choose one that nobody guesses",
        )
    if not word and not is_loopback(host):
        raise UsageError(
            f"the dashboard can be reached by others at {host or 'all addresses'}, and there is no"
            " password.", f"set {PASSWORD}, or leave --host at 127.0.0.1",
        )


def matches(given: str, word: str) -> bool:
    """Compare passwords in a time that says nothing of where they differ."""
    return hmac.compare_digest(given.encode(), word.encode())
