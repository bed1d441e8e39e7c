"""`agentdyno prompt`: the prompts of MLflow's registry, and their files."""

import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from agentdyno.cli.context import load_settings, stderr_console, stdout_console

if TYPE_CHECKING:
    from agentdyno.core.settings import Settings
    from agentdyno.experiments.prompts.answers import Answered
    from agentdyno.experiments.prompts.registry import CompanionRegistry

Result = TypeVar("Result")
_folder = click.option(
    "--prompts", "folder", type=click.Path(file_okay=False, path_type=Path),
    default=Path("prompts"), show_default=True, metavar="FOLDER", help="Where pulled prompts lie.",
)


@click.group()
def prompt() -> None:
    """List, show, compare, pull and push prompts.

    The registry is MLflow's. An agent's prompt is called SCENARIO.AGENT there; `production` and
    `candidate` are moved by `agentdyno experiment`. Pulled prompts stand in while it is away.
    """


@prompt.command("list")
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_command(names: tuple[str, ...], as_json: bool) -> int:
    """List every version of the prompts NAMES, or of all."""
    found = _asked(lambda registry, _: registry.versions(names))
    if as_json:
        for versions in found.values():
            for one in versions:
                click.echo(json.dumps(one.model_dump(mode="json"), ensure_ascii=False))
        return 0
    _print(found)
    return 0


@prompt.command()
@click.argument("reference", metavar="NAME[@ALIAS|/VERSION]")
def show(reference: str) -> int:
    """Print the text of a prompt, byte for byte; the newest version when none is named."""
    from agentdyno.experiments.prompts.moving import text_of

    text = _asked(lambda registry, _: text_of(registry, reference))[0]
    # Not echo: what ends lines in the text is the text's own.
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()
    return 0


@prompt.command()
@click.argument("one", metavar="NAME[@ALIAS|/VERSION]|FILE")
@click.argument("other", metavar="NAME[@ALIAS|/VERSION]|FILE", required=False)
def diff(one: str, other: str | None) -> int:
    """Compare two prompts; of a single NAME, `production` with `candidate`.

    Exit code: 0 they are the same, 1 they differ.
    """
    from agentdyno.cli.eventlines import plain
    from agentdyno.experiments.prompts.moving import difference, text_of

    first, second = (one, other) if other else (f"{one}@production", f"{one}@candidate")

    async def both(registry: "CompanionRegistry", _: "Settings") -> list[tuple[str, str]]:
        return [await text_of(registry, first), await text_of(registry, second)]

    lines = difference(*_asked(both))
    for line in lines:
        click.echo("\n".join(plain(part) for part in line.split("\n")))
    return 1 if lines else 0


@prompt.command()
@click.argument("names", nargs=-1)
@_folder
def pull(names: tuple[str, ...], folder: Path) -> int:
    """Write the prompts NAMES, or all, to FOLDER/NAME/vN.md, and what they are to a lock.

    While the registry is away, references to prompts lead to these files.
    """
    from agentdyno.experiments.prompts.files import PromptFiles
    from agentdyno.experiments.prompts.moving import pull as pulled

    found, new = _asked(lambda registry, _: pulled(registry, PromptFiles(folder), names))
    for path in new:
        click.echo(f"{path}")
    count = sum(len(versions) for versions in found.values())
    click.echo(f"{count} version{'s'[count == 1:]} of {len(found)} prompt{'s'[len(found) == 1:]}, "
               f"{len(new)} of them new in {folder}/")
    return 0


@prompt.command()
@click.argument("scenarios", nargs=-1)
@click.option("--variant", "variants", multiple=True, metavar="NAME",
              help="Variants of the scenarios, or all; default: the scenarios as they are.")
@_folder
def push(scenarios: tuple[str, ...], variants: tuple[str, ...], folder: Path) -> int:
    """Register the instructions of SCENARIOS; without any, what lies in FOLDER.

    A text that a prompt has already gets no other version. No alias is moved.
    """
    from agentdyno.core.errors import UsageError
    from agentdyno.experiments.prompts.files import PromptFiles
    from agentdyno.experiments.prompts.moving import push_files, push_scenarios

    if scenarios:
        _print(_asked(
            lambda registry, settings: push_scenarios(registry, settings, scenarios, variants)
        ))
        return 0
    if variants:
        raise UsageError("--variant needs a scenario.", "agentdyno prompt push SCENARIO")
    done = _asked(lambda registry, _: push_files(registry, PromptFiles(folder)))
    for name, versions in done.items():
        for before, one in versions:
            renamed = "" if one.version == before else f" (v{before} in {folder}/)"
            click.echo(f"{name}/{one.version}{renamed}")
    return 0


def _asked(
    work: "Callable[[CompanionRegistry, Settings], Awaitable[Result]]"
) -> Result:
    from agentdyno.cli.bars import Bars
    from agentdyno.cli.database import run_async
    from agentdyno.experiments.prompts.registry import CompanionRegistry

    async def main(settings: "Settings") -> Result:
        with Bars(stderr_console()) as bars:

            def progress(stage: str, done: int, total: int) -> None:
                bars.stage("mlflow", stage, done, total)

            async with CompanionRegistry(settings, progress) as registry:
                return await work(registry, settings)

    return run_async(main(load_settings()))


def _print(found: "dict[str, list[Answered]]") -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from agentdyno.cli.eventlines import plain

    console = stdout_console()
    if not any(found.values()):
        console.print("the registry has no prompts yet; agentdyno prompt push SCENARIO",
                      markup=False)
        return
    table = Table(box=box.SIMPLE_HEAD)
    columns: dict[str, dict[str, Any]] = {
        "prompt": {"no_wrap": True}, "version": {"justify": "right"}, "aliases": {},
        "sha256": {"no_wrap": True}, "made (UTC)": {"no_wrap": True}, "note": {},
    }
    for name, how in columns.items():
        table.add_column(name, **how)
    for versions in found.values():
        for one in versions:
            made = datetime.fromtimestamp(one.made_at_ms / 1000, UTC)
            table.add_row(*(Text(plain(cell)) for cell in (
                one.name, f"{one.version}", ", ".join(one.aliases), one.sha256[:12],
                f"{made:%Y-%m-%d %H:%M}", one.note,
            )))
    console.print(table)
