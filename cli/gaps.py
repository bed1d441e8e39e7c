"""`agentdyno gaps`: which tools agents said that they lack."""

import json
from collections.abc import Iterator, Sequence

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentdyno.cli.context import load_settings, stdout_console
from agentdyno.cli.eventlines import plain, shorten
from agentdyno.core.event import MissingTool
from agentdyno.store.gaps import GapRow

_RISKS = {"low": "green", "medium": "yellow", "high": "red"}


@click.command()
@click.argument("trial", default="", required=False)
@click.option("--scenario", help="Only trials of this scenario.")
@click.option("--runner", help="Only trials of this runner.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True,
              help="At most this many reports, newest trials first.")
@click.option("--full", is_flag=True, help="Whole reports; so is a single TRIAL shown.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def gaps(
    trial: str, scenario: str | None, runner: str | None, limit: int, full: bool, as_json: bool
) -> int:
    """Show the tools that agents reported as missing, of all trials or of one (TRIAL).

    Agents can report where the scenario says `report_missing_tools: true`.
    """
    from agentdyno.cli.database import open_database, run_async
    from agentdyno.store import gaps as stored

    async def main() -> list[GapRow]:
        async with open_database(load_settings()) as pool:
            return await stored.gaps(
                pool, trial=trial, scenario=scenario, runner=runner, limit=limit
            )

    rows = run_async(main())
    if as_json:
        for row in rows:
            click.echo(json.dumps(_as_json(row), default=str, ensure_ascii=False))
    elif full or trial:
        print_reports(stdout_console(), rows)
    else:
        print_gaps(stdout_console(), rows)
    return 0


def _as_json(row: GapRow) -> dict[str, object]:
    head = ("trial", "started_at", "scenario", "runner", "runner_version")
    report = row.gap.model_dump(mode="json", exclude={"kind", "started_s", "ended_s"})
    return {name: getattr(row, name) for name in head} | report


def print_gaps(console: Console, rows: Sequence[GapRow]) -> None:
    """Print one line per missing tool."""
    if not rows:
        _say_none(console)
        return
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("trial", "scenario", "runner", "agent", "lacks", "risk"):
        table.add_column(name, no_wrap=True)
    table.add_column("to do what")
    table.add_column("proposed MCP server")
    for row in rows:
        for tool in row.gap.missing_tools:
            table.add_row(*_line(row, tool))
    console.print(table)
    console.print(f"a whole report: agentdyno gaps {rows[0].trial[:10]}", style="dim")


def _line(row: GapRow, tool: MissingTool) -> list[Text]:
    return [
        Text(row.trial[:10]), Text(row.scenario), Text(f"{row.runner} {row.runner_version}"),
        Text(row.gap.agent), Text(shorten(tool.name, False)),
        Text(tool.estimated_risk, style=_RISKS[tool.estimated_risk]),
        Text(shorten(tool.description, False)),
        Text(shorten(row.gap.proposed_mcp_server, False)),
    ]


def print_reports(console: Console, rows: Sequence[GapRow]) -> None:
    """Print every report whole, with the evidence."""
    if not rows:
        _say_none(console)
        return
    for row in rows:
        where = f"{row.scenario} on {row.runner} {row.runner_version}, trial {row.trial[:10]}"
        console.print(Text(f"{row.gap.agent} in {where}", style="bold"))
        for line in _report(row):
            console.print(line, soft_wrap=True)
        console.print()


def _report(row: GapRow) -> Iterator[Text]:
    for tool in row.gap.missing_tools:
        yield Text("  lacks     ") + Text(
            f"{plain(tool.name)} ({tool.estimated_risk} risk)", style=_RISKS[tool.estimated_risk]
        ) + Text(f": {plain(tool.description)}")
        for name, value in (("inputs", tool.inputs), ("outputs", tool.outputs)):
            yield Text(f"    {name:8}{plain(json.dumps(value, ensure_ascii=False))}")
    for checked in row.gap.existing_tools_checked:
        yield Text(f"  looked at {plain(checked.name)}: {plain(checked.why_not)}")
        yield Text(f"    which is, says tools/list: {plain(checked.evidence)}", style="dim")
    if not row.gap.existing_tools_checked:
        yield Text("  looked at no tool: it was offered none")
    yield Text(f"  proposes  {plain(row.gap.proposed_mcp_server)}")


def _say_none(console: Console) -> None:
    console.print("no agent reported a missing tool; try: agentdyno run zero_tools")
