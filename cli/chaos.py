"""`agentdyno chaos`: the same faults for every framework, and who gets over them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentdyno.cli.context import load_settings, stderr_console, stdout_console
from agentdyno.cli.options import matrix_options, model_options_with

if TYPE_CHECKING:
    from agentdyno.core.fault import FaultPlan
    from agentdyno.core.settings import RunOptions

INTERRUPTED, HARNESS_FAULT, NOTHING_RAN = 2, 3, 5
FORMAT = 1


@click.command()
@click.argument("scenario")
@matrix_options(trials=1)
@click.option(
    "--json", "json_file", metavar="FILE", help="Also write the matrix as JSON; - is stdout."
)
@model_options_with(
    retries="as-shipped", faults="Take the faults of this plan instead of the standard one's.",
)
def chaos(
    scenario: str, runners: tuple[str, ...], timeout: float | None, json_file: str | None,
    **given: Any,
) -> int:
    """Run SCENARIO (a name or a path) under one fault at a time and print who recovers.

    Each fault of the standard plan has a trial of its own on every runner, beside one without any.
    With `--retries as-shipped`, the default here, each framework meets the faults with its own
    retries; with `uniform` the gateway tries again, in one way for all.

    What is stored already is not run again. The exit code is 0 when the matrix ran, whoever
    recovered.
    """
    from agentdyno.cli.run import read_options
    from agentdyno.core.errors import UsageError
    from agentdyno.core.fault import read_fault_plan
    from agentdyno.experiments.chaos import STANDARD
    from agentdyno.scenarios.paths import shown

    if json_file and json_file != "-" and not Path(json_file).absolute().parent.is_dir():
        raise UsageError(f"--json {json_file}: its folder does not exist.", "name another file")
    path = given["faults"] or STANDARD
    plan = read_fault_plan(path, shown(path))
    if not plan.faults:
        raise UsageError(f"{shown(path)} holds no faults.", "add one under `faults`")
    options = read_options((scenario,), runners, timeout, given | {"faults": None})
    return _execute(options, plan, json_file)


def _execute(options: "RunOptions", plan: "FaultPlan", json_file: str | None) -> int:
    from agentdyno.cli.chaostable import ChaosView, print_matrix
    from agentdyno.cli.database import run_async
    from agentdyno.cli.judgemarks import print_marks
    from agentdyno.cli.session import explain, run_matrix
    from agentdyno.core.trial import Outcome
    from agentdyno.experiments.chaos import recovery_matrix, with_single_faults

    progress = stderr_console()
    with ChaosView(progress) as view:
        report, trials = run_async(run_matrix(
            load_settings(), options, view, lambda request: with_single_faults(request, plan)
        ))
    name = trials[0].key.scenario if trials else options.scenarios[0]
    matrix = recovery_matrix(trials, plan, name, options.retries)
    if json_file != "-" and trials:
        print_matrix(stdout_console(), matrix)
        print_marks(stdout_console(), trials)
    if json_file:
        text = json.dumps({
            "format": FORMAT, "scenario": matrix.scenario, "retries": matrix.retries,
            "plan": plan.key, "faults": matrix.faults, "runners": matrix.runners,
            "interrupted": report.interrupted, "missing": report.missing, "rows": matrix.rows(),
        }, indent=2, ensure_ascii=False)
        if json_file == "-":
            print(text)
        else:
            Path(json_file).write_text(text + "\n", encoding="utf-8")
    explain(progress, report, ())
    if report.interrupted:
        return INTERRUPTED
    if not trials:
        return NOTHING_RAN
    faulty = any(trial.outcome is Outcome.HARNESS_FAULT for trial in trials)
    return HARNESS_FAULT if faulty else 0
