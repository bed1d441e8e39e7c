"""`agentdyno cancel`: stop a run from elsewhere."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from agentdyno.cli.context import load_settings, stdout_console

if TYPE_CHECKING:
    from agentdyno.store.live import LiveMatrix


@click.command()
@click.argument("matrix", required=False)
@click.option("--reason", default="", help="Kept in the audit log.")
@click.option("--by", metavar="NAME", help="Who cancels; default: the user of this system.")
def cancel(matrix: str | None, reason: str, by: str | None) -> int:
    """Cancel the run MATRIX (its id or the beginning of it); without it, list what runs.

    Once finishes the trials that run, twice drops them. What is stored stays, and the same run
    command goes on where it stopped. A run whose harness was killed is marked as interrupted.
    """
    from agentdyno.cli.database import open_database, run_async
    from agentdyno.cli.person import os_user
    from agentdyno.store.live import LiveBoard

    async def work() -> list["LiveMatrix"]:
        async with open_database(load_settings()) as pool:
            board = LiveBoard(pool)
            if matrix is None:
                return await board.list()
            return [await board.cancel(matrix, by=by or os_user(), reason=reason)]

    found = run_async(work())
    if matrix is None:
        _print(found)
    else:
        click.echo(_answer(found[0]))
    return 0


def _print(found: Sequence["LiveMatrix"]) -> None:
    if not found:
        click.echo("nothing runs; start something with: agentdyno run SCENARIO")
        return
    from rich.table import Table
    from rich.text import Text

    table = Table("run", "state", "trials", "what it does", "since", "command", box=None)
    for one in found:
        table.add_row(*map(Text, (
            one.matrix_id[:10], one.state, f"{one.total('done')}/{one.total('planned')}",
            one.stage, f"{one.created_at.astimezone():%H:%M:%S}", one.command,
        )))
    stdout_console().print(table)


def _answer(one: "LiveMatrix") -> str:
    name = one.matrix_id[:10]
    if one.state == "lost":
        return (f"{name}: its harness (process {one.pid} on {one.host}) has not been heard since "
                f"{one.seen_at.astimezone():%H:%M:%S}; the run is marked as interrupted")
    if one.cancels > 1:
        return f"{name}: stops at once; {len(one.running)} running trials are dropped"
    return (f"{name}: finishes {len(one.running)} running trials and starts nothing new; "
            f"agentdyno cancel {name} once more drops them")
