"""`agentdyno db start|stop|status`: the embedded database."""

import click

from agentdyno.cli.context import load_settings
from agentdyno.core.errors import UsageError
from agentdyno.core.settings import Settings


@click.group()
def db() -> None:
    """Start, stop and inspect the embedded database."""


def _embedded() -> Settings:
    settings = load_settings()
    if settings.database_url:
        raise UsageError(
            "AGENTDYNO_DATABASE_URL names a server of yours, which agentdyno does not manage.",
            "unset AGENTDYNO_DATABASE_URL to use the embedded one",
        )
    return settings


@db.command()
def start() -> int:
    """Start it, if it is not running, and bring its schema up to date."""
    from agentdyno.cli.database import address, run_async
    from agentdyno.store.migrations import migrate

    async def main() -> str:
        dsn = await address(_embedded())
        await migrate(dsn)
        return dsn

    click.echo(f"running: {run_async(main())}")
    return 0


@db.command()
def stop() -> int:
    """Stop it. Its data stays; the next run starts it again."""
    from agentdyno.cli.database import run_async
    from agentdyno.store.postgres import stop_server

    stopped = run_async(stop_server(_embedded().cache))
    click.echo("stopped" if stopped else "was not running")
    return 0


@db.command()
def status() -> int:
    """Say whether it runs, and where its data is."""
    from agentdyno.cli.database import run_async
    from agentdyno.store.postgres import server_status

    found = run_async(server_status(_embedded().cache))
    click.echo(f"running, process {found.pid}" if found.running else "not running")
    click.echo(f"data:    {found.folder}")
    if found.dsn:
        click.echo(f"address: {found.dsn}")
    return 0
