"""`agentdyno experiment run`."""

from pathlib import Path

import click

from agentdyno.cli.context import load_settings, stderr_console, stdout_console

INTERRUPTED, FAILED, INCONCLUSIVE = 2, 1, 6


@click.command("run")
@click.argument("experiment")
@click.option("--concurrency", "-c", default=2, show_default=True, help="Trials running at once.")
@click.option("--looks", type=click.IntRange(min=1), metavar="N",
              help="Stop after N looks for now; the same command goes on.")
@click.option("--new-version", is_flag=True,
              help="Begin again with a definition that changed; what is stored stays.")
@click.option("--env-file", type=click.Path(dir_okay=False, exists=True, path_type=Path),
              metavar="FILE", help="File of API keys; default: .env, where there is one.")
@click.option("--budget", "budgets", multiple=True, metavar="[run:|day:]MEASURE=VALUE",
              help="Refuse the call that would exceed it; run: is for each look. MEASURE: usd, "
                   "tokens, calls, seconds. Repeat it for more.")
@click.option("--no-mlflow", "mlflow", is_flag=True, flag_value=False, default=True,
              help="Do not export the runs to MLflow.")
@click.option("--json", "json_file", metavar="FILE",
              help="Also write where it stands as JSON; - is stdout.")
def run(
    experiment: str, concurrency: int, looks: int | None, new_version: bool,
    env_file: Path | None, budgets: tuple[str, ...], mlflow: bool, json_file: str | None,
) -> int:
    """Run EXPERIMENT (a name or a path) as it was planned, and print its verdicts.

    What is stored already is not run again. Ctrl-C once finishes the running trials; the same
    command goes on where it stopped.

    Exit code: 0 decided or stopped after --looks, 1 stopped by a budget, 2 interrupted, 3 the bench
    failed, 4 bad usage, 6 the whole size has run and it cannot tell.
    """
    from agentdyno.cli.database import run_async
    from agentdyno.cli.experimentrunning import How, conduct
    from agentdyno.cli.experimentwords import print_standing, write_json
    from agentdyno.cli.gaterun import key_file
    from agentdyno.cli.options import budget_settings
    from agentdyno.cli.person import os_user
    from agentdyno.core.errors import UsageError
    from agentdyno.experiments.abtest.reading import read_experiment

    if any(text.startswith("trial:") for text in budgets):
        raise UsageError(
            "--budget trial: changes what trials do, and an experiment says that itself.",
            "give the scenario a `budget:`",
        )
    spending = budget_settings(budgets)
    loaded = read_experiment(experiment)
    progress = stderr_console()
    how = How(
        who=os_user(), concurrency=concurrency, looks=looks, new_version=new_version,
        env_file=env_file or key_file(), mlflow=mlflow, budgets=spending,
    )
    done = run_async(conduct(load_settings(), loaded, how, progress))
    if json_file != "-":
        print_standing(stdout_console(), done.standing)
    if json_file:
        write_json(json_file, done.standing.as_json())
    if done.stopped:
        progress.print(f"stopped: {done.stopped}", style="yellow", markup=False)
    if done.interrupted:
        return INTERRUPTED
    if done.stopped:
        return FAILED
    return INCONCLUSIVE if done.standing.state == "ended" else 0
