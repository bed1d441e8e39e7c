"""`agentdyno runners`: which pattern each runner executes, and with what of its framework."""

import json

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentdyno.cli.context import stdout_console
from agentdyno.core.errors import UsageError
from agentdyno.core.pattern import PATTERNS
from agentdyno.runners.registry import RunnerRow, find_runner, list_runners
from agentdyno.runners.support import Support, unsupported

_STYLES = {"native": "green", "composed": "yellow", "unsupported": "dim"}


@click.command()
@click.argument("names", nargs=-1, metavar="[RUNNER]...")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@click.option("--markdown", is_flag=True, help="The matrix as a Markdown table.")
def runners(names: tuple[str, ...], as_json: bool, markdown: bool) -> int:
    """Print for each runner and pattern: native, composed, or unsupported (n/a).

    With RUNNER, also the classes that it uses, how it composes, and why it does not.
    """
    if as_json and markdown:
        raise UsageError("--json and --markdown are two forms of one thing.", "give one of them")
    rows = tuple(map(find_runner, names)) or list_runners()
    if as_json:
        click.echo(json.dumps({row.name: _plain(row) for row in rows}, indent=2))
    elif markdown:
        click.echo(_markdown(rows))
    else:
        console = stdout_console()
        console.print(_matrix(rows))
        for row in rows if names else ():
            _explain(console, row)
        if not names:
            click.echo("how, and why not: agentdyno runners RUNNER")
    return 0


def support_of(row: RunnerRow, pattern: str) -> Support:
    """Return what `row` declares for `pattern`."""
    return row.teamwork.patterns.get(pattern, unsupported("the runner does not declare it"))


def _matrix(rows: tuple[RunnerRow, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("pattern")
    for row in rows:
        table.add_column(row.name)
    for pattern in PATTERNS:
        kinds = [support_of(row, pattern).kind for row in rows]
        table.add_row(pattern, *(Text(_word(kind), style=_STYLES[kind]) for kind in kinds))
    return table


def _word(kind: str) -> str:
    return "n/a" if kind == "unsupported" else kind


def _explain(console: Console, row: RunnerRow) -> None:
    console.print(f"\n{row.name}: {row.summary}", style="bold", markup=False)
    for pattern in PATTERNS:
        support = support_of(row, pattern)
        line = Text(f"  {pattern:12} ") + Text(f"{_word(support.kind):9}", _STYLES[support.kind])
        console.print(line + Text(support.how))
        for path in support.classes:
            console.print(Text(f"{'':25}{path}", style="dim"))
    hook = row.teamwork.hook or "none; they are derived from the wire"
    console.print(Text(f"  Messages and steps come from: {hook}"))


def _plain(row: RunnerRow) -> dict[str, object]:
    return {
        "summary": row.summary, "hook": row.teamwork.hook,
        "patterns": {
            pattern: {"kind": found.kind, "how": found.how, "classes": list(found.classes)}
            for pattern in PATTERNS for found in (support_of(row, pattern),)
        },
    }


def _markdown(rows: tuple[RunnerRow, ...]) -> str:
    lines = [
        "| pattern | " + " | ".join(row.name for row in rows) + " |",
        "|---" * (len(rows) + 1) + "|",
    ]
    for pattern in PATTERNS:
        cells = []
        for row in rows:
            found = support_of(row, pattern)
            names = ", ".join(f"`{path.rpartition('.')[2]}`" for path in found.classes)
            shown = names if found.kind == "native" and names else _word(found.kind)
            cells.append(f"*{shown}*" if found.kind == "composed" else shown)
        lines.append(f"| {pattern} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
