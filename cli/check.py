"""`agentdyno check`: which checks a scenario can ask for."""

import json
from pathlib import Path
from typing import Any, get_args

import click
from rich import box
from rich.table import Table
from rich.text import Text

from agentdyno.cli.context import stdout_console


@click.group()
def check() -> None:
    """Look at the checks that scenarios can ask for, and at those that they do."""


@check.command("list")
@click.argument("scenario", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_checks(scenario: str | None, as_json: bool) -> int:
    """List every type of check and every check of an installed package; of SCENARIO, what it asks.

    Checks of installed packages are offered by the entry point group `agentdyno.checks`.
    """
    rows = _of_scenario(scenario) if scenario else [*_types(), *_installed()]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
        return 0
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in rows[0] if rows else ("check",):
        table.add_column(name, no_wrap=name != "about")
    for row in rows:
        table.add_row(*(Text(str(value)) for value in row.values()))
    stdout_console().print(table)
    return 0


def _types() -> list[dict[str, str]]:
    from agentdyno.core.check import CheckSpec

    union = get_args(get_args(CheckSpec)[0])
    return [
        {"check": _type_of(noun), "from": "agentdyno", "about": _first_line(noun.__doc__)}
        for noun in union
    ]


def _type_of(noun: Any) -> str:
    return str(get_args(noun.model_fields["type"].annotation)[0])


def _first_line(text: str | None) -> str:
    return " ".join((text or "").strip().split("\n\n")[0].split())


def _installed() -> list[dict[str, str]]:
    from agentdyno.evals.custom import UserCheckFault, find, installed

    rows = []
    for name, point in sorted(installed().items()):
        try:
            about = _first_line(find(name, Path()).__doc__)
        except UserCheckFault as fault:
            about = f"cannot be used: {fault}"
        package = point.dist.name if point.dist else point.value
        rows.append({"check": f"python: {name}", "from": package, "about": about})
    return rows


def _of_scenario(scenario: str) -> list[dict[str, str]]:
    from agentdyno.scenarios.loader import load_scenario

    return [
        {"id": one.id, "type": one.type, "about": json.dumps(
            one.model_dump(mode="json", exclude_defaults=True, exclude={"id", "type"}),
            ensure_ascii=False,
        )}
        for one in load_scenario(scenario).scenario.checks
    ]


@check.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="The JSON Schema of the check.")
def show(name: str, as_json: bool) -> int:
    """Show what a check asks and every key that it takes. NAME is a type, or an installed check."""
    from agentdyno.core.check import CheckSpec
    from agentdyno.core.describe import described_schema
    from agentdyno.core.errors import UsageError
    from agentdyno.core.yamlproblem import nearest
    from agentdyno.evals.custom import installed

    nouns = {_type_of(noun): noun for noun in get_args(get_args(CheckSpec)[0])}
    if name not in nouns and name in installed():
        return _show_installed(name)
    if name not in nouns:
        raise UsageError(
            f"there is no check {name!r}{nearest(name, (*nouns, *installed()))}",
            "agentdyno check list",
        )
    schema = described_schema(nouns[name])
    if as_json:
        click.echo(json.dumps(schema, indent=2, ensure_ascii=False))
        return 0
    console = stdout_console()
    console.print(schema.get("description", ""), markup=False)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for title in ("key", "default", "about"):
        table.add_column(title, no_wrap=title == "key")
    needed = schema.get("required", [])
    for key, field in schema["properties"].items():
        default = "needed" if key in needed else json.dumps(field.get("default"))
        about = field.get("description", "")
        table.add_row(key, Text(default), Text(about if key != "type" else f"`{name}`"))
    console.print(table)
    return 0


def _show_installed(name: str) -> int:
    import inspect

    from agentdyno.core.errors import UsageError
    from agentdyno.evals.custom import UserCheckFault, find

    try:
        function = find(name, Path())
    except UserCheckFault as fault:
        raise UsageError(str(fault), f"correct the package that offers {name}") from fault
    click.echo(inspect.getdoc(function) or "without a description")
    parameters = list(inspect.signature(function).parameters.values())[1:]
    for parameter in parameters:
        click.echo(f"  args.{parameter}")
    return 0
