"""How the promotion log is shown."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentdyno.cli.eventlines import plain
from agentdyno.core.promotion import PromotionRow
from agentdyno.experiments.promotion.desk import told

_RUNS = 3
"""Evidence runs that are shown; --json has all of them."""


def print_history(
    console: Console, rows: Sequence[PromotionRow], experiment: str | None
) -> None:
    """Print one line for each entry, newest first."""
    if not rows:
        what = f" of experiment {experiment!r}" if experiment else ""
        console.print(f"nothing{what} was approved or promoted yet; "
                      f"agentdyno experiment approve {experiment or 'EXPERIMENT'} VARIANT",
                      markup=False)
        return
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("entry", "at (UTC)", "what", "who", "alias", "from", "to", "state"):
        table.add_column(name, no_wrap=True)
    table.add_column("verdict")
    table.add_column("evidence")
    table.add_column("reason")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in (
            f"{row.id}", f"{row.at:%Y-%m-%d %H:%M:%S}", _what(row), row.who, row.alias,
            told(row.was), told(row.becomes), row.state, _verdict(row), _evidence(row),
            "; ".join(part for part in (row.reason, row.detail) if part),
        )))
    console.print(table)


def _what(row: PromotionRow) -> str:
    named = f"{row.kind} {row.variant} of {row.experiment}"
    return f"{named} (entry {row.undoes})" if row.undoes else named


def _verdict(row: PromotionRow) -> str:
    return str((row.verdict or {}).get("verdict", ""))


def _evidence(row: PromotionRow) -> str:
    shown = " ".join(matrix[:8] for matrix in row.evidence[:_RUNS])
    more = len(row.evidence) - _RUNS
    return f"{shown} and {more} more" if more > 0 else shown
