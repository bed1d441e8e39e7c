"""What the prompt registry answers, on both sides of the pipe."""

from agentdyno.core.noun import Noun

LONGEST = 100_000
"""Characters of a prompt that MLflow keeps at most."""


class Answered(Noun):
    """One version of a prompt."""

    name: str
    version: int
    text: str
    sha256: str
    """SHA-256 of the UTF-8 text, in hex."""
    aliases: tuple[str, ...] = ()
    note: str = ""
    """What was said when it was registered."""
    made_at_ms: int = 0
    """Milliseconds since 1970, UTC."""
