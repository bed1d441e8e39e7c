"""`agentdyno run`: scenarios on runners, and the comparison table."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentdyno.cli.context import load_settings
from agentdyno.cli.options import matrix_options, model_options, model_settings

if TYPE_CHECKING:
    from agentdyno.core.settings import RunOptions


@click.command()
@click.argument("scenarios", nargs=-1)
@matrix_options(trials=3)
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

    plain = (
        "trials", "seed", "concurrency", "stream", "fresh", "isolation", "watch", "approver",
        "variants", "mlflow",
    )
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
