"""`agentdyno approvals`: tool calls that wait for somebody's word (approver `queue`)."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from agentdyno.cli.context import load_settings, stdout_console

if TYPE_CHECKING:
    from agentdyno.store.approvals import ApprovalDesk, ApprovalRow, Settled

Result = TypeVar("Result")
_by = click.option("--by", metavar="NAME", help="Who decides; default: the user of this system.")


@click.group()
def approvals() -> None:
    """Decide about tool calls that wait, in runs with `approver: queue` or --approver queue."""


@approvals.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are decided.")
@click.option("--limit", default=50, show_default=True, help="At most this many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_command(everything: bool, limit: int, as_json: bool) -> int:
    """List the calls that wait, newest first."""
    from agentdyno.cli.approvaltable import print_json, print_list

    rows = _at_desk(lambda desk: desk.list(all=everything, limit=limit))
    if as_json:
        print_json(rows)
    else:
        print_list(stdout_console(), rows, everything)
    return 0


@approvals.command()
@click.argument("number", type=int)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def show(number: int, as_json: bool) -> int:
    """Show approval NUMBER: the call, its arguments, and what was decided."""
    from agentdyno.cli.approvaltable import print_json, print_one

    row = _at_desk(lambda desk: desk.get(number))
    if as_json:
        print_json([row])
    else:
        print_one(stdout_console(), row)
    return 0


@approvals.command()
@click.argument("number", type=int)
@click.option("--reason", default="", help="Kept with the decision.")
@_by
def approve(number: int, reason: str, by: str | None) -> int:
    """Have the call of approval NUMBER made as it is."""
    return _settle(number, "approved", by, reason=reason)


@approvals.command()
@click.argument("number", type=int)
@click.option("--reason", default="", help="What the agent is told.")
@_by
def reject(number: int, reason: str, by: str | None) -> int:
    """Have the call of approval NUMBER not made; the agent is told so."""
    return _settle(number, "rejected", by, reason=reason)


@approvals.command()
@click.argument("number", type=int)
@click.argument("arguments", metavar="JSON")
@click.option("--reason", default="", help="What the agent is told.")
@_by
def modify(number: int, arguments: str, reason: str, by: str | None) -> int:
    """Have the call of approval NUMBER made with other arguments; the agent is told so.

    JSON is an object whose members take the place of the call's own, as '{"amount": 5}'.
    """
    from agentdyno.core.errors import UsageError
    from agentdyno.tools.changes import changed

    row = _at_desk(lambda desk: desk.get(number))
    whole, wrong = changed(row.asked, arguments)
    if wrong:
        raise UsageError(f"JSON: {wrong}.", f"agentdyno approvals show {number}")
    return _settle(number, "modified", by, reason=reason, arguments=whole)


def _settle(number: int, state: "Settled", by: str | None, **more: Any) -> int:
    from agentdyno.cli.person import os_user

    row: ApprovalRow = _at_desk(
        lambda desk: desk.settle(number, state, by=by or os_user(), **more)
    )
    asked = row.asked
    click.echo(
        f"{row.state} by {row.decided_by}: {asked.server}.{asked.tool} of {asked.agent} "
        f"in {asked.scenario} on {asked.runner}"
    )
    return 0


def _at_desk(work: "Callable[[ApprovalDesk], Awaitable[Result]]") -> Result:
    from agentdyno.cli.database import open_database, run_async
    from agentdyno.store.approvals import ApprovalDesk

    async def main() -> Result:
        async with open_database(load_settings()) as pool:
            return await work(ApprovalDesk(pool))

    return run_async(main())
