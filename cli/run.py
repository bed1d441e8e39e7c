"""`agentdyno run`: scenarios on runners, and the comparison table."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentdyno.cli.context import load_settings
from agentdyno.cli.options import model_options, model_settings

if TYPE_CHECKING:
    from agentdyno.core.settings import RunOptions



@click.command()
@click.argument("scenarios", nargs=-1)
@click.option(
    "--runner", "-r", "runners", multiple=True, metavar="NAME[@VERSION]",
    help="A column of the matrix; repeat it for more. Default: every runner, newest version.",
)
@click.option("--trials", "-n", default=3, show_default=True, help="Repeats of each cell.")
@click.option("--seed", default=0, show_default=True, help="Seed of every seeded chance.")
@click.option(
    "--concurrency", "-c", default=2, show_default=True, help="Trials running at once."
)
@click.option("--timeout", type=float, metavar="SECONDS", help="Overrides the scenario's limit.")
@click.option("--stream", is_flag=True, help="Ask the model for streamed responses.")
@click.option("--fresh", is_flag=True, help="Run again what is stored already.")
@click.option(
    "--isolation", type=click.Choice(["worker", "inprocess"]), default="worker",
    show_default=True, help="inprocess runs the framework in this process, for debugging.",
)
@click.option(
    "--json", "json_file", metavar="FILE", help="Also write rows and trials as JSON; - is stdout."
)
@click.option(
    "--fail-on-error", is_flag=True, help="Exit 3 when a runner is skipped or a trial is missing."
)
@click.option("--watch", is_flag=True, help="Show agents' texts and tools as they happen.")
@model_options
def run(
    scenarios: tuple[str, ...], runners: tuple[str, ...], timeout: float | None,
    json_file: str | None, fail_on_error: bool, **given: Any,
) -> int:
    """Run SCENARIOS (names or paths) on every runner and print one comparison table.

    What is stored already is not run again. Ctrl-C once finishes the running trials, twice stops
    at once; nothing stored is lost, and the same command goes on where it stopped.
    """
    from agentdyno.cli.session import execute
    from agentdyno.core.errors import UsageError

    if not scenarios:
        raise UsageError("no scenario named.", "agentdyno list scenarios")
    if json_file and json_file != "-" and not Path(json_file).absolute().parent.is_dir():
        raise UsageError(f"--json {json_file}: its folder does not exist.", "name another file")
    options = read_options(scenarios, runners, timeout, given)
    return execute(load_settings(), options, json_file=json_file, strict=fail_on_error)


def read_options(
    scenarios: tuple[str, ...], runners: tuple[str, ...], timeout: float | None,
    given: Mapping[str, Any],
) -> "RunOptions":
    """Return what a command line asks for; raises `UsageError`."""
    from pydantic import ValidationError

    from agentdyno.core.errors import UsageError
    from agentdyno.core.settings import RunOptions
    from agentdyno.runners.registry import list_runners

    plain = ("trials", "seed", "concurrency", "stream", "fresh", "isolation", "watch")
    try:
        return RunOptions(
            scenarios=scenarios,
            runners=runners or tuple(row.name for row in list_runners()),
            timeout_s=timeout,
            **{name: given[name] for name in plain if name in given},
            **model_settings(given),
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"--{str(first['loc'][0]).removesuffix('_s')}: {first['msg']}", "agentdyno run --help"
        ) from error
