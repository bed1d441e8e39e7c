"""The comparison table."""

from collections.abc import Sequence
from itertools import groupby

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentdyno.core.estimate import Estimate
from agentdyno.experiments.summary import Row

COLUMNS: tuple[tuple[str, str], ...] = (
    ("runner", "left"),
    ("trials", "right"),
    ("passed [95 % CI]", "left"),
    ("model\ncalls", "right"),
    ("prompt\ntokens", "right"),
    ("compl.\ntokens", "right"),
    ("tool\ncalls", "right"),
    ("wall\nms", "right"),
    ("CPU\nms", "right"),
    ("peak\nMiB", "right"),
    ("tax:\ncalls", "right"),
    ("tax: prompt\ntokens", "right"),
)


def _number(value: float | None, scale: float = 1.0) -> str:
    return "–" if value is None else f"{value * scale:,.0f}"


def _tax(extra: float | None, total: float | None) -> str:
    """Return the excess over the leanest runner; `leanest` when there is none."""
    if extra is None or total is None:
        return "–"
    if extra == 0:
        return "leanest"
    return f"+{extra:,.0f} (+{100 * extra / (total - extra):.0f} %)"


def _passed(estimate: Estimate | None) -> Text:
    if estimate is None:
        return Text("n/a", style="yellow")
    passed = round(estimate.value * estimate.n)
    style = "green" if passed == estimate.n else "red"
    return Text(f"{passed}/{estimate.n}", style=style) + Text(
        f" [{estimate.low:.2f}, {estimate.high:.2f}]", style="dim"
    )


def _cells(row: Row) -> list[str | Text]:
    trials = str(row.trials) + (f" ({row.faults} faults)" if row.faults else "")
    return [
        row.runner, trials, _passed(row.passed), _number(row.model_calls),
        _number(row.prompt_tokens), _number(row.completion_tokens), _number(row.tool_calls),
        _number(row.wall_s, 1000), _number(row.cpu_s, 1000) + ("*" if row.cold else ""),
        _number(row.peak_rss_mb), _tax(row.extra_calls, row.model_calls).split(" ")[0],
        _tax(row.extra_prompt_tokens, row.prompt_tokens),
    ]


def comparison(rows: Sequence[Row]) -> list[Table]:
    """Return one table per scenario."""
    tables = []
    for scenario, group in groupby(rows, key=lambda row: row.scenario):
        table = Table(
            title=f"{scenario}: medians per trial, measured at the wire",
            title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1),
        )
        for name, justify in COLUMNS:
            table.add_column(
                name, justify="right" if justify == "right" else "left", no_wrap=True,
                vertical="bottom",
            )
        for row in group:
            table.add_row(*_cells(row))
        tables.append(table)
    return tables


def print_comparison(console: Console, rows: Sequence[Row]) -> None:
    """Print every table, and what its marks mean."""
    for table in comparison(rows):
        console.print(table, width=max(console.width, 132) if not console.is_terminal else None)
    if any(row.cold for row in rows):
        console.print(
            "* first trials of a fresh process; repeat with --trials 5 for warm CPU times.",
            style="dim",
        )
