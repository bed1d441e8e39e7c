"""The figures of the report, from the table of the depots and not from the tools."""

from fractions import Fraction
from pathlib import Path

_COLUMNS = {"q2": (1, 2), "q3": (3, 4)}


def _counts(quarter: str) -> tuple[int, int]:
    """Deliveries of both depots in `quarter`, and how many of them were on time."""
    table = (Path(__file__).parent / "docs" / "figures" / "deliveries.md").read_text("utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()
            if line.startswith("|")]
    all_, on_time = _COLUMNS[quarter]
    depots = [row for row in rows if row[1].isdigit()]
    return sum(int(row[all_]) for row in depots), sum(int(row[on_time]) for row in depots)


def deliveries(quarter: str) -> float:
    """Deliveries of both depots in `quarter` (q2 or q3)."""
    return _counts(quarter)[0]


def on_time_pct(quarter: str) -> float:
    """Deliveries on time, in per cent of all."""
    every, on_time = _counts(quarter)
    return float(Fraction(100 * on_time, every))


def change_in_points() -> float:
    """What the rate of q3 is above that of q2, in percentage points."""
    return on_time_pct("q3") - on_time_pct("q2")
