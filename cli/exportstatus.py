"""`agentdyno export status`."""

import dataclasses
import json

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentdyno.cli.context import load_settings, stdout_console
from agentdyno.core.settings import Settings
from agentdyno.store.exports import ExportRow


@click.command()
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True,
              help="Newest exports to show.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def status(limit: int, as_json: bool) -> int:
    """Show which runs were exported, which wait and why, and where to."""
    from agentdyno.cli.database import run_async
    from agentdyno.store.exports import ExportQueue
    from agentdyno.store.opening import open_database

    settings = load_settings()

    async def main() -> list[ExportRow]:
        async with open_database(settings) as pool:
            return await ExportQueue(pool).list(limit)

    rows = run_async(main())
    if as_json:
        for row in rows:
            click.echo(json.dumps(dataclasses.asdict(row), default=str, ensure_ascii=False))
    else:
        print_exports(stdout_console(), rows, settings)
    return 0


def print_exports(console: Console, rows: list[ExportRow], settings: Settings) -> None:
    """Print one line per run and target, and where the log is."""
    from agentdyno.experiments.exporting import log_path, targets_of

    targets = targets_of(settings)
    if not rows:
        console.print("no run was exported: start with agentdyno run, or agentdyno export mlflow "
                      "--all for what is stored already")
    else:
        table = Table(box=box.SIMPLE_HEAD)
        for name in ("run", "to", "state", "trials", "asked (UTC)", "why not"):
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*map(Text, _line(row)))
        console.print(table)
    if "mlflow" not in targets:
        console.print("AGENTDYNO_MLFLOW=off: new runs are not exported to MLflow.", style="dim")
    log = log_path(settings.cache)
    if log.exists():
        console.print(f"log: {log}", style="dim", soft_wrap=True)


def _line(row: ExportRow) -> tuple[str, ...]:
    state = row.state
    told = f"{state}, again {row.next_try_at:%m-%d %H:%M}" if state == "waiting" and row.error \
        else state
    return (row.matrix_id[:10], row.target, told, str(row.exported) if state == "done" else "",
            f"{row.asked_at:%Y-%m-%d %H:%M}", row.error)
