"""`agentdyno conformance RUNNER`: holds one runner to what every runner must do."""

import dataclasses
import json
from collections.abc import Sequence

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentdyno.cli.context import load_settings, stderr_console, stdout_console
from agentdyno.cli.database import run_async
from agentdyno.cli.environments import ensure_all
from agentdyno.core.errors import UsageError
from agentdyno.core.pattern import PATTERNS
from agentdyno.experiments.conformance.card import REASONS, Column, examine
from agentdyno.runners import envs
from agentdyno.runners.own import is_own
from agentdyno.runners.ref import RunnerRef

_MARKS = {"pass": Text("pass", "green"), "fail": Text("FAIL", "bold red"), "n/a": Text("-", "dim")}


@click.command()
@click.argument("runner", metavar="RUNNER[@VERSION]")
@click.option("--pattern", "patterns", multiple=True, type=click.Choice(PATTERNS),
              help="Only this pattern; may be given several times.")
@click.option("--json", "as_json", is_flag=True, help="The card as JSON.")
@click.option("--verbose", is_flag=True, help="Also why each requirement is there, who sees what.")
def conformance(runner: str, patterns: tuple[str, ...], as_json: bool, verbose: bool) -> int:
    """Play small teams of every pattern on RUNNER and print what it keeps to.

    For the authors of runners: a runner of another package is named like any other. The model is
    scripted, so it costs nothing. Exit code 1 when a requirement is not kept.
    """
    if is_own(runner):
        raise UsageError(
            f"{runner} is a program of your own, which works as it likes.",
            "agentdyno conformance NAME, for a runner of agentdyno or of another package",
        )
    settings = load_settings()
    ref = run_async(envs.resolve(runner, settings.cache))
    ensure_all([runner])
    columns = run_async(_columns(ref, patterns or PATTERNS))
    if as_json:
        click.echo(json.dumps(_plain(ref, columns), indent=2))
    else:
        _show(stdout_console(), ref, columns, verbose=verbose)
    return int(any(cell.status == "fail" for column in columns for cell in column.cells))


async def _columns(ref: RunnerRef, patterns: Sequence[str]) -> list[Column]:
    columns = []
    with stderr_console().status("") as status:
        async for column in examine(ref, patterns):
            columns.append(column)
            status.update(f"{len(columns)} of {len(patterns)} patterns, {column.pattern} is done")
    return columns


def _show(console: Console, ref: RunnerRef, columns: Sequence[Column], *, verbose: bool) -> None:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title=ref.label,
                  title_justify="left")
    table.add_column("requirement")
    for column in columns:
        table.add_column(column.pattern.replace("_", " "))
    table.add_row("executed", *(Text(_kind(column), "dim") for column in columns))
    for at, id in enumerate(REASONS):
        table.add_row(id, *(_MARKS[column.cells[at].status] for column in columns))
    console.print(table)
    if verbose:
        _explain(console, columns)
    for column in columns:
        for cell in column.cells:
            for line in cell.wrong:
                console.print(Text(f"{cell.requirement}  ", "bold red") + Text(line))
    kept = [cell.status for column in columns for cell in column.cells]
    click.echo(
        f"{kept.count('pass')} kept, {kept.count('fail')} not kept, {kept.count('n/a')} n/a"
    )


def _explain(console: Console, columns: Sequence[Column]) -> None:
    for id, reason in REASONS.items():
        console.print(Text(f"{id:12}", "bold") + Text(reason))
    for column in columns:
        console.print(Text(f"\n{column.pattern}: {_kind(column)}, {column.how}"))
        for agent, what in sorted(column.sight.items()):
            console.print(Text(f"  {agent} sees {', '.join(what) or 'nothing'}"))
    console.print()


def _kind(column: Column) -> str:
    return "n/a" if column.kind == "unsupported" else column.kind


def _plain(ref: RunnerRef, columns: Sequence[Column]) -> dict[str, object]:
    return {
        "runner": ref.name, "version": ref.version, "digest": ref.digest,
        "requirements": REASONS,
        "patterns": [dataclasses.asdict(column) for column in columns],
    }
