"""`agentdyno cassette`: recordings of what models and tools answered."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

FunctionT = TypeVar("FunctionT", bound=Callable[..., int])


def _folder(function: FunctionT) -> FunctionT:
    return click.option(
        "--cassettes", "folder", type=click.Path(file_okay=False, path_type=Path),
        default=Path("cassettes"), show_default=True, metavar="FOLDER",
        help="Where recordings are kept.",
    )(function)


def _full(function: FunctionT) -> FunctionT:
    return click.option("--full", is_flag=True, help="Cut nothing off.")(function)


@click.group()
def cassette() -> None:
    """Look after recordings: run --model record makes them, run --model replay plays them.

    \b
    FILE is a path, or its part below the folder of recordings: docs_question/crewai/baseline-0
    """


@cassette.command("list")
@_folder
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_command(folder: Path, as_json: bool) -> int:
    """List recordings: of what, by whom, how many calls, how large, how old."""
    from agentdyno.cli.cassettelist import print_list

    return print_list(folder, as_json=as_json)


@cassette.command()
@click.argument("file")
@_folder
@_full
def show(file: str, folder: Path, full: bool) -> int:
    """Show FILE as a conversation: what each call added, what came back, how long it took."""
    from agentdyno.cli.cassetteshow import print_cassette
    from agentdyno.models.cassette.library import find, read

    print_cassette(read(find(folder, file)), full=full)
    return 0


@cassette.command()
@click.argument("a")
@click.argument("b")
@_folder
@_full
def diff(a: str, b: str, folder: Path, full: bool) -> int:
    """Show what differs between the recordings A and B; exit code 1 when something does."""
    from agentdyno.models.cassette.compare import BRIEF, WHOLE, cassette_difference
    from agentdyno.models.cassette.library import find, read

    old, new = (read(find(folder, name)) for name in (a, b))
    lines = cassette_difference(old, new, ("A", "B"), WHOLE if full else BRIEF)
    said = [f"A: {old.file}", f"B: {new.file}", *lines]
    click.echo("\n".join(said) if lines else "the two recordings say the same")
    return 1 if lines else 0


@cassette.command()
@_folder
@click.option("--scenario", "scenarios", multiple=True, metavar="PATH",
              help="A scenario outside the library whose recordings are kept; may be repeated.")
@click.option("--yes", is_flag=True, help="Delete them; without this they are only shown.")
def prune(folder: Path, scenarios: tuple[str, ...], yes: bool) -> int:
    """Show or delete recordings of scenarios or runners that changed or are gone."""
    from agentdyno.cli.cassetteprune import prune_folder

    return prune_folder(folder, scenarios, yes=yes)


@cassette.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@_folder
@click.option("--accept", is_flag=True,
              help="Seal FILE anew: what was edited in it by hand is then replayed.")
def verify(files: tuple[str, ...], folder: Path, accept: bool) -> int:
    """Check recordings (all, or FILEs): format, seal, content, and that no secret is in them.

    Exit code 1 when one of them has a problem.
    """
    from agentdyno.cli.cassetteverify import verify_files

    return verify_files(folder, files, accept=accept)


@cassette.command()
@click.argument("trial")
@_folder
@click.option("--env-file", type=click.Path(dir_okay=False, exists=True, path_type=Path),
              metavar="FILE", help="File of secrets that must not be in the recording, as .env.")
@click.option("--force", is_flag=True, help="Replace a recording that is there already.")
def make(trial: str, folder: Path, env_file: Path | None, force: bool) -> int:
    """Make a recording of the stored TRIAL (its id or the beginning of it)."""
    from agentdyno.cli.cassettemake import make_cassette

    return make_cassette(trial, folder, env_file, force=force)
