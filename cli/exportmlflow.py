"""`agentdyno export mlflow`."""

import click

from agentdyno.cli.context import load_settings, stderr_console

FAILED = 3


@click.command()
@click.argument("matrices", nargs=-1, metavar="[RUN]...")
@click.option("--all", "everything", is_flag=True, help="Every run that is stored.")
@click.option("--upgrade-schema", is_flag=True,
              help="First bring the tables of an older MLflow up to this one's, for good.")
def mlflow(matrices: tuple[str, ...], everything: bool, upgrade_schema: bool) -> int:
    """Export to MLflow: runs by the beginning of their id, `latest`, or what has not arrived yet.

    What is there already is found and not written twice; verdicts that changed since are put right.
    MLflow is installed when it is first needed. MLFLOW_TRACKING_URI names another MLflow than
    agentdyno's own.

    Exit code: 0 all of it is there, 3 something is not, 4 bad usage.
    """
    from agentdyno.cli.database import run_async
    from agentdyno.cli.exportrun import export_now
    from agentdyno.experiments.tracking.address import URI, shown_address, tracking_address
    from agentdyno.experiments.tracking.upgrading import upgrade_schema as upgrade

    settings, console = load_settings(), stderr_console()
    if matrices and everything:
        raise click.UsageError("name runs, or --all of them")
    if upgrade_schema:
        run_async(upgrade(settings))
    rows = run_async(export_now(settings, "mlflow", matrices, console, everything=everything))
    failed = [row for row in rows if row.state != "done"]
    trials = sum(row.exported for row in rows)
    where = shown_address(run_async(tracking_address(settings))[URI])
    if not rows:
        click.echo(f"everything is in MLflow already: {where}")
    else:
        click.echo(f"{len(rows) - len(failed)} of {len(rows)} runs, {trials} trials: {where}")
    click.echo("look at them: agentdyno ui")
    return FAILED if failed else 0
