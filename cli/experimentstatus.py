"""`agentdyno experiment status`, `report` and `list`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentdyno.cli.context import load_settings, stdout_console

if TYPE_CHECKING:
    from agentdyno.experiments.abtest.standing import Standing

_VERSION = click.option(
    "--version", type=click.IntRange(min=1), metavar="N", help="Not the newest version, but N."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@click.command("status")
@click.argument("experiment")
@_VERSION
@_JSON
def status(experiment: str, version: int | None, as_json: bool) -> int:
    """Say how far EXPERIMENT is, and what can be said already."""
    from agentdyno.cli.experimentwords import print_standing, write_json

    found = _standing(experiment, version)
    if as_json:
        write_json("-", found.as_json())
    else:
        print_standing(stdout_console(), found)
    return 0


@click.command("report")
@click.argument("experiment")
@_VERSION
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write Markdown to FILE; - is stdout.")
@_JSON
def report(experiment: str, version: int | None, markdown: Path | None, as_json: bool) -> int:
    """Print what EXPERIMENT was planned to show, what it showed, and the prompts that differ."""
    from agentdyno.cli.experimentmarkdown import markdown_of
    from agentdyno.cli.experimentwords import print_report, write_json

    found = _standing(experiment, version)
    if as_json:
        write_json("-", found.as_json())
    elif markdown is None:
        print_report(stdout_console(), found)
    elif str(markdown) == "-":
        click.echo(markdown_of(found), nl=False)
    else:
        markdown.write_text(markdown_of(found), encoding="utf-8")
        click.echo(f"wrote {markdown}")
    return 0


@click.command("list")
@_JSON
def list_command(as_json: bool) -> int:
    """List the bundled experiments, and those that were started on this database."""
    from agentdyno.cli.database import open_database, run_async
    from agentdyno.cli.experimentwords import print_list, write_json
    from agentdyno.experiments.abtest.reading import list_bundled
    from agentdyno.store.experiments import ExperimentStore, ListedExperiment

    async def main() -> list[ListedExperiment]:
        async with open_database(load_settings()) as pool:
            return list(await ExperimentStore(pool).list())

    found = run_async(main())
    if as_json:
        write_json("-", {"bundled": list_bundled(), "started": [
            {"name": one.name, "version": one.version, "looks": one.looks,
             "created_at": one.created_at.isoformat(),
             "looked_at": one.looked_at.isoformat() if one.looked_at else None}
            for one in found
        ]})
    else:
        print_list(stdout_console(), list_bundled(), found)
    return 0


def _standing(experiment: str, version: int | None) -> "Standing":
    from agentdyno.cli.database import open_database, run_async
    from agentdyno.experiments.abtest.reading import name_of
    from agentdyno.experiments.abtest.standing import standing

    async def main() -> "Standing":
        async with open_database(load_settings()) as pool:
            return await standing(pool, name_of(experiment), version)

    return run_async(main())
