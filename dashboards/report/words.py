"""Numbers and texts as the report prints them."""

from collections.abc import Sequence
from datetime import datetime

from agentdyno.core.estimate import Estimate
from agentdyno.experiments.compare.nouns import Line

MOST_CHARACTERS = 400
"""Characters of a text that a trial wrote; `agentdyno show` has the whole one."""


def shorten(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return `text` on one line, at most `most` characters long."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def amount(value: float) -> str:
    """Return a quantity with the digits that count."""
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.3g}"


def share(value: float) -> str:
    """Return a rate as whole percent."""
    return f"{value:.0%}"


def moment(when: datetime | None) -> str:
    """Return a time of the database, which keeps UTC."""
    return when.strftime("%Y-%m-%d %H:%M:%S UTC") if when else "–"


def rate(found: Estimate | None, *, exact: bool = False) -> str:
    """Return a rate with its interval, or that nothing scatters."""
    if found is None:
        return "–"
    if exact:
        return f"{share(found.value)} exact"
    return f"{share(found.value)} [{share(found.low)}, {share(found.high)}]"


def quantity(found: Estimate | None, *, alone: float | None = None, exact: bool = False) -> str:
    """Return a mean with its interval; `alone` is the value of a single trial, which has none."""
    if found is None:
        return "–" if alone is None else f"{amount(alone)} (one trial)"
    if exact and found.low == found.high:
        return f"{amount(found.value)} exact"
    return f"{amount(found.value)} [{amount(found.low)}, {amount(found.high)}]"


def difference(line: Line) -> str:
    """Return the difference or ratio of two arms with its interval."""
    if line.paired is None:
        return "–"
    found = line.paired.difference
    if line.paired.ratio:
        value, low, high = (f"{part:.3f}" for part in (found.value, found.low, found.high))
        value = f"× {value}"
    else:
        value, low, high = (f"{part:+.3f}" for part in (found.value, found.low, found.high))
    return f"{value} (no sampling noise)" if line.exact else f"{value} [{low}, {high}]"


def arm_value(value: float, line: Line) -> str:
    """Return one arm's mean of a compared metric."""
    if line.metric == "passed" or line.metric.startswith("check:"):
        return share(value)
    return f"{amount(value)} {line.unit}".rstrip()


def verdict(line: Line) -> str:
    """Return what can be said, and what keeps it from being said."""
    if line.why:
        return f"{line.verdict} ({line.why})"
    pair = line.paired
    if line.verdict == "inconclusive" and pair is not None and pair.mde is not None:
        size = f"a factor of {pair.mde:.2f}" if pair.ratio else f"{pair.mde:.2g}"
        return f"{line.verdict} (would show from {size})"
    return line.verdict


def listing(names: Sequence[str], most: int = 4) -> str:
    """Return names with commas, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
