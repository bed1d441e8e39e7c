"""`agentdyno export`: the table of its commands."""

import click

from agentdyno.cli.lazygroup import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "mlflow": ("agentdyno.cli.exportmlflow:mlflow", "Export runs to MLflow, now."),
    "otlp": ("agentdyno.cli.exportotlp:otlp", "Export traces to an OpenTelemetry collector, now."),
    "status": ("agentdyno.cli.exportstatus:status", "Show what was exported and what was not."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def export() -> None:
    """Tell MLflow and OpenTelemetry collectors of stored runs.

    Every run is exported in the background when it has ended; this is for what could not be, for
    runs with --no-mlflow, and for runs whose trials were graded again.
    """
