"""How calls that wait for somebody's word are shown."""

import dataclasses
import json
from collections.abc import Sequence

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentdyno.cli.approver import show_request
from agentdyno.cli.eventlines import plain, shorten
from agentdyno.store.approvals import ApprovalRow

_ARGUMENTS = 60
"""Characters shown of a call's arguments in the list."""


def print_json(rows: Sequence[ApprovalRow]) -> None:
    """Print one JSON object a line."""
    for row in rows:
        click.echo(json.dumps(dataclasses.asdict(row), default=str, ensure_ascii=False))


def print_list(console: Console, rows: Sequence[ApprovalRow], everything: bool) -> None:
    """Print one line for each call."""
    if not rows:
        console.print(
            "nothing was ever asked; runs ask with --approver queue" if everything
            else "nothing waits for approval; earlier ones: agentdyno approvals list --all"
        )
        return
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("id", "asked (UTC)", "state", "scenario", "runner", "agent", "tool", "risk"):
        table.add_column(name, no_wrap=True)
    table.add_column("arguments")
    for row in rows:
        asked = row.asked
        arguments = json.dumps(asked.arguments, ensure_ascii=False)
        table.add_row(*(Text(cell) for cell in (
            f"{row.id}", f"{row.asked_at:%Y-%m-%d %H:%M}", plain(row.told), asked.scenario,
            asked.runner, asked.agent, f"{asked.server}.{plain(asked.tool)}", asked.risk,
            shorten(arguments, False, _ARGUMENTS),
        )))
    console.print(table)
    first = next((row for row in rows if row.open), None)
    if first is not None:
        console.print(f"decide: agentdyno approvals approve|reject|modify {first.id}",
                      markup=False, style="dim")


def print_one(console: Console, row: ApprovalRow) -> None:
    """Print everything that is known of one call."""
    show_request(console, row.asked)
    told = [
        f"trial {row.trial_id}, asked at {row.asked_at:%Y-%m-%d %H:%M:%S} UTC", plain(row.told),
    ]
    if row.reason:
        told.append(f"reason: {plain(row.reason)}")
    if row.arguments is not None:
        changed = plain(json.dumps(row.arguments, ensure_ascii=False))
        told.append(f"made with: {changed}")
    if row.open:
        told += [
            f"agentdyno approvals approve {row.id}",
            f"agentdyno approvals reject {row.id} --reason TEXT",
            f"agentdyno approvals modify {row.id} JSON",
        ]
    for line in told:
        console.print(line, markup=False, soft_wrap=True, style="dim")
