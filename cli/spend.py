"""`agentdyno spend`: what live runs cost."""

import dataclasses
import json
from collections.abc import Sequence
from datetime import timedelta

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentdyno.cli.context import load_settings, stdout_console
from agentdyno.store.spending import SpendRow


@click.command()
@click.option("--days", type=click.IntRange(min=1), default=30, show_default=True,
              help="How many UTC days, today included.")
@click.option("--run", "matrix", metavar="ID",
              help="Only this run; the beginning of its id will do.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def spend(days: int, matrix: str | None, as_json: bool) -> int:
    """Show what was spent at providers, by day, run and model.

    A call is written down before it is made. One whose process was killed stays open and counts
    with the most that it may have taken.
    """
    from agentdyno.cli.database import open_database, run_async
    from agentdyno.store.ledger import utc_today
    from agentdyno.store.spending import spending

    async def main() -> list[SpendRow]:
        async with open_database(load_settings()) as pool:
            return await spending(pool, utc_today() - timedelta(days=days - 1), matrix)

    rows = run_async(main())
    if as_json:
        for row in rows:
            click.echo(json.dumps(dataclasses.asdict(row), default=str, ensure_ascii=False))
    else:
        print_spending(stdout_console(), rows)
    return 0


def print_spending(console: Console, rows: Sequence[SpendRow]) -> None:
    """Print one line per day, run, model and whose calls they are, and the sum."""
    if not rows:
        console.print("nothing was spent: no live model was asked; "
                      "start with: agentdyno run investment_analysis --model openai:gpt-5-mini")
        return
    table = Table(box=box.SIMPLE_HEAD, show_footer=True)
    known = sum(row.cost_usd or 0.0 for row in rows)
    vague = any(row.unpriced for row in rows)
    footers = ("sum", "", "", "", f"{sum(row.calls for row in rows):,}",
               f"{sum(row.tokens for row in rows):,}",
               f"{known:.4f}" + (" + unknown" if vague else ""), "")
    names = ("day (UTC)", "run", "model", "calls of", "calls", "tokens", "USD", "of these")
    for name, footer in zip(names, footers, strict=True):
        right = name in ("calls", "tokens", "USD")
        table.add_column(name, footer, justify="right" if right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*_line(row))
    console.print(table)
    if any(row.open for row in rows):
        console.print("open: under way now, or left by a process that was killed; counted with the "
                      "most that they may have taken.", style="dim")
    if any(row.estimated for row in rows):
        console.print("broken off: the provider may bill them all the same; counted likewise.",
                      style="dim")


def _line(row: SpendRow) -> list[Text]:
    parts = [
        f"{row.open} open since {row.open_since:%H:%M}" if row.open and row.open_since else "",
        f"{row.estimated} broken off" if row.estimated else "",
        f"{row.unpriced} of unknown price" if row.unpriced else "",
    ]
    return [Text(value) for value in (
        f"{row.day}", row.matrix_id[:10], f"{row.provider}:{row.model}",
        _whose(row),
        f"{row.calls:,}", f"{row.tokens:,}",
        _cost(row), ", ".join(part for part in parts if part),
    )]


def _whose(row: SpendRow) -> str:
    marks = {"simulated user": row.simulator, "judge": row.judge, "proposer": row.proposer}
    return next((name for name, is_it in marks.items() if is_it), "team")


def _cost(row: SpendRow) -> str:
    if row.cost_usd is None:
        return "unknown" if row.billed and row.unpriced else "not billed"
    return f"{row.cost_usd:.4f}" + (" + unknown" if row.unpriced else "")
