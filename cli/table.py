"""The comparison table: one for each scenario, in two halves where the terminal is narrow.

Columns beyond the basic ones appear when they carry information.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from agentdyno.cli.conditions import differing, shared_words, words
from agentdyno.core.estimate import Estimate
from agentdyno.experiments.summary import Row


@dataclass(frozen=True)
class Column:
    """One column: its head, what it shows, and how it is aligned."""

    head: str
    cell: Callable[[Row], str | Text]
    left: bool = False
    shown: Callable[[Row], object] = lambda row: True
    """The column is there when this is true of any row."""


def _number(value: float | None, scale: float = 1.0) -> str:
    return "–" if value is None else f"{value * scale:,.0f}"


def _extra(extra: float | None) -> str:
    return "–" if extra is None else f"+{extra:,.0f}" if extra else "leanest"


def _share(extra: float | None, total: float | None) -> str:
    if not extra or total is None:
        return _extra(extra)
    return f"+{extra:,.0f} (+{100 * extra / (total - extra):.0f} %)"


def _trials(row: Row) -> str:
    if row.not_supported:
        return "n/a"
    return str(row.trials) + (f" ({row.faults} faults)" if row.faults else "")


def _passed(row: Row) -> Text:
    estimate: Estimate | None = row.passed
    if estimate is None:
        return Text("n/a", style="yellow")
    passed = round(estimate.value * estimate.n)
    style = "green" if passed == estimate.n else "red"
    if row.exact:
        return Text(f"{passed}/{estimate.n}", style=style) + Text(" exact", style="dim")
    return Text(f"{passed}/{estimate.n}", style=style) + Text(
        f" [{estimate.low:.2f}, {estimate.high:.2f}]", style="dim"
    )


def dollars(cost: float | Literal["unknown"] | None) -> str:
    """Return a cost with two digits that count; "unknown" is never 0."""
    if cost is None or cost == "unknown":
        return "–" if cost is None else "unknown"
    return f"{cost:.2f}" if cost >= 1 or not cost else f"{cost:#.2g}"


def meter_text(row: Row) -> Text:
    """Return how far a framework's own count is off: ✓, `+12 tokens`, `not reported`."""
    if row.meter is None:
        return Text("–")
    if row.meter != "mismatch" or row.meter_difference is None:
        return Text("✓", style="green") if row.meter == "equal" else Text("not reported", "yellow")
    off = row.meter_difference
    tokens = (off.prompt_tokens or 0) + (off.completion_tokens or 0)
    told = [f"{off.requests:+,} calls"] if off.requests else []
    if tokens or not off.requests:
        told.append(f"{tokens:+,} tokens" if tokens else "tokens swapped")
    of = f" in {row.meter_mismatches}/{row.trials}" if row.trials > 1 else ""
    return Text(", ".join(told) + of, style="red")


def _retries(row: Row) -> str:
    more = f" +{row.fallbacks} fallback" if row.fallbacks else ""
    return f"{row.gateway_retries}{more}"


def _coordination(row: Row) -> str:
    if row.coordination_tokens is None:
        return "–"
    total = (row.prompt_tokens or 0) + (row.completion_tokens or 0)
    share = f" ({100 * row.coordination_tokens / total:.0f} %)" if total else ""
    return f"{row.coordination_tokens:,.0f}{share}"


def _time(value: float | None, row: Row, scale: float = 1.0) -> str:
    recorded = "ʳ" if value is not None and "recorded" in row.sources else ""
    return _number(value, scale) + recorded


def _from_provider(row: Row) -> bool:
    return row.condition.stream and bool({"live", "recorded"} & {*row.sources})


RUNNER = Column("runner", lambda row: row.runner, left=True)
VERDICTS = (
    Column("trials", _trials),
    Column("passed [95 % CI]", _passed, left=True),
)
COSTS = (
    Column("model\ncalls", lambda row: _number(row.model_calls)),
    Column("prompt\ntokens", lambda row: _number(row.prompt_tokens)),
    Column("compl.\ntokens", lambda row: _number(row.completion_tokens)),
    Column("tool\ncalls", lambda row: _number(row.tool_calls)),
    Column("coordi-\nnation", _coordination,
           shown=lambda row: row.coordination_tokens is not None),
    Column("cost\nUSD", lambda row: dollars(row.cost_usd),
           shown=lambda row: row.cost_usd is not None),
    Column("user:\ntokens", lambda row: _number(row.user_tokens),
           shown=lambda row: row.user_tokens is not None),
    Column("user:\nUSD", lambda row: dollars(row.user_cost_usd),
           shown=lambda row: row.user_cost_usd is not None),
    Column("wall\nms", lambda row: _number(row.wall_s, 1000)),
    Column("first\ntoken ms", lambda row: _time(row.first_token_s, row, 1000),
           shown=lambda row: row.first_token_s is not None and _from_provider(row)),
    Column("p95 gap\nms", lambda row: _time(row.gap_p95_ms, row),
           shown=lambda row: row.gap_p95_ms is not None and _from_provider(row)),
    Column("CPU\nms", lambda row: _number(row.cpu_s, 1000) + ("*" if row.cold else "")),
    Column("peak\nMiB", lambda row: _number(row.peak_rss_mb)),
)
TAX = (
    Column("tax:\ncalls", lambda row: _extra(row.extra_calls)),
    Column("tax: prompt\ntokens", lambda row: _share(row.extra_prompt_tokens, row.prompt_tokens)),
    Column("gateway\nretries", _retries, shown=lambda row: row.gateway_retries or row.fallbacks),
    Column("swallowed\nstreams", lambda row: str(row.swallowed), shown=lambda row: row.swallowed),
    Column("meter", meter_text, shown=lambda row: row.meter in ("mismatch", "not_reported")),
)


def _table(rows: Sequence[Row], columns: Sequence[Column]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    apart = differing([row.condition for row in rows])
    under = Column("under", lambda row: words(row.condition, apart), left=True)
    shown = [column for column in columns if any(column.shown(row) for row in rows)]
    every = [RUNNER, *([under] if apart else []), *shown]
    for column in every:
        table.add_column(
            column.head, justify="left" if column.left else "right", no_wrap=True,
            vertical="bottom",
        )
    for row in rows:
        table.add_row(*(column.cell(row) for column in every))
    return table


def print_comparison(console: Console, rows: Sequence[Row]) -> None:
    """Print one table per scenario, and what its marks mean."""
    for scenario, group in groupby(rows, key=lambda row: row.scenario):
        some = list(group)
        shared = shared_words([row.condition for row in some])
        title = f"{scenario}: medians per trial, measured at the wire ({shared})"
        console.print(title, style="bold", markup=False)
        whole = _table(some, (*VERDICTS, *COSTS, *TAX))
        width = Measurement.get(console, console.options.update(width=400), whole).maximum
        if console.is_terminal and width > console.width:
            console.print(_table(some, (*VERDICTS, *TAX)))
            console.print(_table(some, COSTS))
        else:
            console.print(whole, width=width)
    for line in _legend(rows):
        console.print(line, style="dim")


def _legend(rows: Sequence[Row]) -> list[str]:
    lines = ["CPU and memory: the framework's own process. Tax: above the leanest runner under "
             "the same conditions."]
    if any(row.cold for row in rows):
        lines.append("* first trials of a fresh process; with more --trials the median is over "
                     "warm ones.")
    if any(row.exact for row in rows):
        lines.append("exact: the trials of a case sent the same, byte for byte, to a model that "
                     "plays a script or a recording: nothing scatters, so there is no interval.")
    if any(row.coordination_tokens is not None for row in rows):
        lines.append("Coordination: tokens of calls that choose, manage or join, not work on the "
                     "task; a part of the tokens before it.")
    lines += sorted({
        f"n/a: {row.runner} does not run {row.scenario}: {row.not_supported}."
        for row in rows if row.not_supported
    })
    meters = {row.meter for row in rows if row.meter}
    if meters == {"equal"}:
        lines.append("Meter: the usage that each framework reports equals what the wire told it.")
    elif meters:
        lines.append("Meter: usage that the framework reports, less what the wire told it; any "
                     "difference is a meter_mismatch.")
    if any("recorded" in row.sources and _from_provider(row) for row in rows):
        lines.append("ʳ recorded: times of the recording, not of this run.")
    if any(row.gateway_retries or row.fallbacks for row in rows):
        lines.append("Gateway retries: attempts of the gateway's own policy, over all trials.")
    if any(row.swallowed for row in rows):
        lines.append("Swallowed streams: broke off without a finish reason, and the framework took "
                     "them for whole answers; over all trials.")
    if any("unknown" in (row.cost_usd, row.user_cost_usd) for row in rows):
        lines.append("Cost unknown: the price table does not know a model that a provider bills.")
    return lines
