"""`agentdyno export otlp`."""

import click

from agentdyno.cli.context import load_settings, stderr_console

FAILED = 3


@click.command()
@click.argument("matrices", nargs=-1, metavar="[RUN]...")
@click.option("--all", "everything", is_flag=True, help="Every run that is stored.")
def otlp(matrices: tuple[str, ...], everything: bool) -> int:
    """Export traces to the collector of OTEL_EXPORTER_OTLP_ENDPOINT, such as Jaeger or Phoenix:
    runs by the beginning of their id, `latest`, or what has not arrived yet.

    Each trial is one trace, whose ids are the same however often it is sent. Where the variable is
    set, every run is sent when it has ended; OTEL_EXPORTER_OTLP_HEADERS and the like are heeded.

    Exit code: 0 all of it was sent, 3 something was not, 4 bad usage.
    """
    from agentdyno.cli.database import run_async
    from agentdyno.cli.exportrun import export_now
    from agentdyno.experiments.traces.address import collector_address

    settings = load_settings()
    if matrices and everything:
        raise click.UsageError("name runs, or --all of them")
    where = collector_address(settings.environment)
    rows = run_async(
        export_now(settings, "otlp", matrices, stderr_console(), everything=everything)
    )
    failed = [row for row in rows if row.state != "done"]
    trials = sum(row.exported for row in rows)
    if not rows:
        click.echo(f"nothing waits to be sent to {where}; agentdyno export otlp --all sends again")
    else:
        click.echo(f"{len(rows) - len(failed)} of {len(rows)} runs, {trials} traces: {where}")
    return FAILED if failed else 0
