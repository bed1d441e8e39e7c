"""What a check function returns: yes or no, with the evidence."""

from typing import NamedTuple


class Unanswered(Exception):
    """The trial completed without the answer that a check looks at: the agent's fault."""


class Finding(NamedTuple):
    """The answer to a check that could be answered."""

    ok: bool
    reason: str


def passed(reason: str) -> Finding:
    """The trial does what the check asks for."""
    return Finding(True, reason)


def failed(reason: str) -> Finding:
    """The trial does not do what the check asks for."""
    return Finding(False, reason)


def excerpt(text: str, length: int = 160) -> str:
    """Return `text` on one line in quotes, cut in the middle where it is longer than `length`."""
    line = " ".join(text.split())
    if len(line) > length:
        line = f"{line[: length // 2]} … {line[-length // 2 :]}"
    return f"“{line}”"
