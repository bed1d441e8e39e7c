"""`agentdyno ui`: the dashboard and MLflow, started and stopped together."""

import sys

import click

from agentdyno.cli.context import load_settings


@click.command("ui")
@click.option("--host", default="127.0.0.1", show_default=True,
              help="Where the dashboard listens. Elsewhere than on this machine it needs "
                   "AGENTDYNO_DASHBOARD_PASSWORD. MLflow stays on this machine.")
@click.option("--port", type=click.IntRange(1, 65535),
              help="Port of the dashboard; 8501, or any free one, when left out.")
@click.option("--mlflow-port", type=click.IntRange(1, 65535),
              help="Port of MLflow; 5000, or any free one, when left out.")
@click.option("--no-mlflow", is_flag=True, help="The dashboard alone.")
def ui(host: str, port: int | None, mlflow_port: int | None, no_mlflow: bool) -> int:
    """Open the dashboard and MLflow's pages over what is stored.

    Prints both links once they answer. Ctrl-C stops both. Neither calls home.
    """
    from agentdyno.cli.becoming import become, ready_companion
    from agentdyno.cli.database import open_database, run_async
    from agentdyno.experiments.exporting import resume

    settings = load_settings()
    ready_companion(settings)

    async def late() -> int:
        async with open_database(settings) as pool:
            return 0 if no_mlflow else await resume(pool, settings)

    if waiting := run_async(late()):
        runs = "1 run is" if waiting == 1 else f"{waiting} runs are"
        click.echo(f"{runs} on the way to MLflow; agentdyno export status", err=True)
    given = [f"--host={host}"]
    given += [f"--port={port}"] if port else []
    given += [f"--mlflow-port={mlflow_port}"] if mlflow_port else []
    given += ["--no-mlflow"] if no_mlflow or not settings.mlflow else []
    become([sys.executable, "-P", "-m", "agentdyno.dashboards.ui", *given], settings.environment)
