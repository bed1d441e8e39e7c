"""`agentdyno import`: recorded conversations become scenarios."""

from pathlib import Path

import click


@click.command("import")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "--to", type=click.Path(file_okay=False, path_type=Path), default=Path("imported"),
    show_default=True, metavar="DIR", help="Folder in which the scenarios' folders are made.",
)
@click.option(
    "--name", metavar="NAME",
    help="Name of the scenario, numbered where FILE holds several. Default: after the file.",
)
@click.option("--force", is_flag=True, help="Write over scenarios that are there already.")
def import_command(files: tuple[Path, ...], to: Path, name: str | None, force: bool) -> int:
    """Turn recorded conversations into scenarios that replay them.

    FILE holds conversations in OpenAI chat format (JSON, or one a line), logged requests with
    their responses, or OpenTelemetry spans with GenAI attributes. Of each one is made a folder with
    the user's turns, the model's turns as a script, the tools with their recorded results, and
    checks for the same tool calls and the same answers. Nothing is written unless all are good.
    """
    from agentdyno.experiments.request import load_scripted
    from agentdyno.scenarios.importing import import_files
    from agentdyno.scenarios.paths import shown

    result = import_files(files, to, name=name, force=force)
    for made in result.scenarios:
        load_scripted(str(made.folder))
        talk = made.conversation
        click.echo(f"{shown(made.folder)}: {talk.summary}")
        for note in talk.notes:
            click.echo(f"  note: {note}")
    for note in result.notes:
        click.echo(f"note: {note}")
    click.echo(f"\nrun: agentdyno run {_typed(to, [made.folder for made in result.scenarios])}")
    return 0


def _typed(to: Path, folders: list[Path]) -> str:
    """Return `folders` as a user would type them: all together where nothing else is there."""
    import shlex

    from agentdyno.scenarios.paths import shown

    if len(folders) > 1 and set(to.iterdir()) == set(folders):
        return f"{shlex.quote(shown(to))}/*"
    return shlex.join(shown(folder) for folder in folders)
