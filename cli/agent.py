"""`agentdyno agent list|show`: the shared agent definitions."""

import click


@click.group()
def agent() -> None:
    """List and show the shared agent definitions."""


@agent.command("list")
def list_agents() -> int:
    """List the archetypes that scenarios build their agents from."""
    from agentdyno.agents.library import AgentLibrary

    library = AgentLibrary()
    for name in library.names():
        definition = library.get(name).definition
        click.echo(f"{name:12} {definition.goal}")
    click.echo("\nsee one whole: agentdyno agent show researcher")
    return 0


@agent.command()
@click.argument("name")
def show(name: str) -> int:
    """Show archetype NAME: its settings, then its instructions."""
    from agentdyno.agents.library import AgentLibrary

    found = AgentLibrary().get(name)
    for key, value in found.definition.model_dump(mode="json", exclude_none=True).items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        click.echo(f"{key + ':':18} {shown}")
    click.echo(f"\n{found.instructions}")
    return 0
