"""`agentdyno judge`: which judges there are, how good they are, and how that is measured."""

import json
from pathlib import Path
from typing import Any

import click

from agentdyno.cli.judgemarks import calibrations_option
from agentdyno.cli.options import model_options, model_settings


@click.group()
def judge() -> None:
    """List judges, and hold them against human labels."""


@judge.command("list")
@calibrations_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_judges(calibrations: Path, as_json: bool) -> int:
    """List the metrics that a check of type judge may name, and the judges that were measured."""
    from agentdyno.cli.context import stdout_console
    from agentdyno.cli.judgetables import print_judges
    from agentdyno.experiments.calibrations import known

    found = known(calibrations)
    if as_json:
        for one in found.values():
            click.echo(one.model_dump_json())
        return 0
    print_judges(stdout_console(), found.values())
    return 0


@judge.command()
@calibrations_option
@click.argument("name", metavar="JUDGE|CHECK")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def show(name: str, calibrations: Path, as_json: bool) -> int:
    """Show how good one judge is: its id, or the beginning, or the check that it answers."""
    from agentdyno.cli.context import stdout_console
    from agentdyno.cli.judgetables import print_calibration
    from agentdyno.core.errors import UsageError
    from agentdyno.experiments.calibrations import known

    found = [
        one for one in known(calibrations).values()
        if one.judge.startswith(name) or name in (one.check, f"{one.scenario}.{one.check}")
    ]
    if not found:
        raise UsageError(f"no judge {name!r} was measured.", "agentdyno judge list")
    for one in found:
        if as_json:
            click.echo(json.dumps(one.model_dump(mode="json"), indent=2))
        else:
            print_calibration(stdout_console(), one)
    return 0


@judge.command()
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--scenario", required=True, metavar="NAME", help="Scenario that has the judge.")
@click.option("--check", "check_id", metavar="ID",
              help="Its check of type judge; needed where there are several.")
@click.option("--no-position", is_flag=True,
              help="Do not ask once more with the evidence in reverse order.")
@click.option("--seed", default=0, show_default=True, help="Seed of the scripted model.")
@calibrations_option
@model_options
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def calibrate(
    file: Path, scenario: str, check_id: str | None, no_position: bool, seed: int,
    calibrations: Path, as_json: bool, **given: Any,
) -> int:
    """Hold a judge against the human labels in FILE, and keep how good it is.

    \b
    FILE has one JSON object a line:
      {"input": "the question", "output": "the answer", "label": true}
      {"input": "...", "output": "...", "context": ["..."], "labels": [1, 0, 1]}
      {"trial": "3f2a9c", "label": 0.5}    a stored trial, which is not judged again

    Labels are true, false, or from 0 to 1. Tables mark judges that were never held against any.
    """
    from agentdyno.cli.context import load_settings, stderr_console, stdout_console
    from agentdyno.cli.database import run_async
    from agentdyno.cli.judgecalibrate import calibrate_judge
    from agentdyno.cli.judgetables import print_calibration
    from agentdyno.core.settings import RunOptions
    from agentdyno.experiments.calibrations import keep

    options = RunOptions(
        scenarios=(scenario,), runners=(), seed=seed, **model_settings(given)
    )
    found = run_async(calibrate_judge(
        load_settings(), options, file, check_id, positions=not no_position
    ))
    path = keep(calibrations, found)
    if as_json:
        click.echo(json.dumps(found.model_dump(mode="json"), indent=2))
    else:
        print_calibration(stdout_console(), found)
    stderr_console().print(f"kept: {path}", markup=False, soft_wrap=True)
    return 0
