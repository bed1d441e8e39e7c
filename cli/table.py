"""The comparison table: one for each scenario, in two halves where the terminal is narrow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from agentdyno.core.estimate import Estimate
from agentdyno.experiments.summary import Row


@dataclass(frozen=True)
class Column:
    """One column: its head, what it shows, and how it is aligned."""

    head: str
    cell: Callable[[Row], str | Text]
    left: bool = False


def _number(value: float | None, scale: float = 1.0) -> str:
    return "–" if value is None else f"{value * scale:,.0f}"


def _extra(extra: float | None) -> str:
    return "–" if extra is None else f"+{extra:,.0f}" if extra else "leanest"


def _share(extra: float | None, total: float | None) -> str:
    if not extra or total is None:
        return _extra(extra)
    return f"+{extra:,.0f} (+{100 * extra / (total - extra):.0f} %)"


def _trials(row: Row) -> str:
    return str(row.trials) + (f" ({row.faults} faults)" if row.faults else "")


def _passed(estimate: Estimate | None) -> Text:
    if estimate is None:
        return Text("n/a", style="yellow")
    passed = round(estimate.value * estimate.n)
    style = "green" if passed == estimate.n else "red"
    return Text(f"{passed}/{estimate.n}", style=style) + Text(
        f" [{estimate.low:.2f}, {estimate.high:.2f}]", style="dim"
    )


RUNNER = Column("runner", lambda row: row.runner, left=True)
VERDICTS = (
    Column("trials", _trials),
    Column("passed [95 % CI]", lambda row: _passed(row.passed), left=True),
)
COSTS = (
    Column("model\ncalls", lambda row: _number(row.model_calls)),
    Column("prompt\ntokens", lambda row: _number(row.prompt_tokens)),
    Column("compl.\ntokens", lambda row: _number(row.completion_tokens)),
    Column("tool\ncalls", lambda row: _number(row.tool_calls)),
    Column("wall\nms", lambda row: _number(row.wall_s, 1000)),
    Column("CPU\nms", lambda row: _number(row.cpu_s, 1000) + ("*" if row.cold else "")),
    Column("peak\nMiB", lambda row: _number(row.peak_rss_mb)),
)
TAX = (
    Column("tax:\ncalls", lambda row: _extra(row.extra_calls)),
    Column("tax: prompt\ntokens", lambda row: _share(row.extra_prompt_tokens, row.prompt_tokens)),
)


def _table(rows: Sequence[Row], columns: Sequence[Column], title: str | None) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0), pad_edge=False,
    )
    for column in (RUNNER, *columns):
        table.add_column(
            column.head, justify="left" if column.left else "right", no_wrap=True,
            vertical="bottom",
        )
    for row in rows:
        table.add_row(*(column.cell(row) for column in (RUNNER, *columns)))
    return table


def print_comparison(console: Console, rows: Sequence[Row]) -> None:
    """Print one table per scenario, and what its marks mean."""
    for scenario, group in groupby(rows, key=lambda row: row.scenario):
        some = list(group)
        title = f"{scenario}: medians per trial, measured at the wire"
        whole = _table(some, (*VERDICTS, *COSTS, *TAX), title)
        width = Measurement.get(console, console.options.update(width=400), whole).maximum
        if console.is_terminal and width > console.width:
            console.print(_table(some, (*VERDICTS, *TAX), title))
            console.print(_table(some, COSTS, None))
        else:
            console.print(whole, width=max(width, len(title)))
    console.print(
        "CPU and memory: the framework's own process. Tax: above the scenario's leanest runner.",
        style="dim",
    )
    if any(row.cold for row in rows):
        console.print(
            "* first trials of a fresh process; with more --trials the median is over warm ones.",
            style="dim",
        )
