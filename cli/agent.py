"""`agentdyno agent list|show`: the shared agent definitions."""

import click

from agentdyno.cli.context import stdout_console


@click.group()
def agent() -> None:
    """List and show the shared agent definitions."""
