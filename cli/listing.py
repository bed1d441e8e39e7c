"""The list of stored trials."""

import dataclasses
import json
from collections.abc import Sequence

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentdyno.store.rows import TrialRow


def _line(row: TrialRow) -> list[Text]:
    good = row.outcome == "completed" and not row.failed and not row.undecided
    checks = f"{row.passed}/{row.passed + row.failed + row.undecided}"
    values = (
        row.id[:10], f"{row.started_at:%Y-%m-%d %H:%M}", row.scenario,
        f"{row.runner} {row.runner_version}", str(row.repeat),
    )
    return [
        *map(Text, values), Text(row.outcome, style="green" if good else "red"), Text(checks),
        Text(f"{row.model_calls}"), Text(f"{row.prompt_tokens:,}"), Text(f"{row.duration_s:.2f}"),
    ]


def print_trials(console: Console, rows: Sequence[TrialRow], *, as_json: bool) -> None:
    """Print one line per trial, newest first."""
    if as_json:
        for row in rows:
            click.echo(json.dumps(dataclasses.asdict(row), default=str, ensure_ascii=False))
        return
    if not rows:
        click.echo("no trial is stored; start with: agentdyno run investment_analysis")
        return
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("trial", "started (UTC)", "scenario", "runner", "repeat", "outcome"):
        table.add_column(name, no_wrap=True)
    for name in ("checks", "calls", "tokens", "s"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*_line(row))
    console.print(table)
