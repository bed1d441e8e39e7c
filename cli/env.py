"""`agentdyno env list|sync|remove`: environments of runners, tool servers, MLflow and dashboard."""

import click

from agentdyno.cli.context import load_settings
from agentdyno.core.errors import UsageError


@click.group()
def env() -> None:
    """List, make and remove the environments of runners, tool servers, and of `ui`."""


@env.command("list")
def list_environments() -> int:
    """List the environments in the cache folder, and what has none yet."""
    from agentdyno.cli.environments import UI, installed
    from agentdyno.experiments.companion import is_companion
    from agentdyno.runners.registry import list_runners

    cache = load_settings().cache
    found = installed(cache)
    click.echo(f"in {cache}")
    for listed in found:
        one = listed.environment
        note = "  stale: nothing uses it any more" if listed.stale else ""
        click.echo(f"  {one.name + '@' + one.version:28} {one.size_mb:7,.0f} MiB{note}")
    made = {listed.environment.name for listed in found if not listed.stale}
    for row in list_runners():
        if row.name not in made:
            click.echo(f"  {row.name:28} not made yet: agentdyno env sync {row.name}")
    if is_companion():
        click.echo(f"  {UI:28} MLflow and Streamlit are installed beside agentdyno")
    elif UI not in made:
        click.echo(f"  {UI:28} not made yet: agentdyno env sync {UI}")
    return 0


@env.command()
@click.argument("runners", nargs=-1, metavar="[NAME[@VERSION]]...")
def sync(runners: tuple[str, ...]) -> int:
    """Make the environments of RUNNERS, or of all runners, as their lock files say; `ui` is that of
    MLflow and the dashboard."""
    from agentdyno.cli.environments import ensure_all

    ensure_all(runners)
    click.echo("all environments are ready", err=True)
    return 0


@env.command()
@click.argument("runners", nargs=-1, metavar="[NAME[@VERSION]]...")
@click.option("--stale", is_flag=True, help="Remove those that nothing uses any more.")
@click.option("--all", "everything", is_flag=True, help="Remove all.")
def remove(runners: tuple[str, ...], stale: bool, everything: bool) -> int:
    """Remove the environments of RUNNERS; the next run makes them anew."""
    from agentdyno.cli.database import run_async
    from agentdyno.cli.environments import installed
    from agentdyno.runners import envs

    if not (runners or stale or everything):
        raise UsageError("nothing named to remove.", "agentdyno env list")
    found = installed(load_settings().cache)
    names = {
        name
        for listed in found
        for name in (listed.environment.name,
                     f"{listed.environment.name}@{listed.environment.version}")
    }
    if unknown := [name for name in runners if name not in names]:
        raise UsageError(f"there is no environment of {', '.join(unknown)}.", "agentdyno env list")
    for listed in found:
        one = listed.environment
        label = f"{one.name}@{one.version}"
        if everything or (stale and listed.stale) or one.name in runners or label in runners:
            run_async(envs.remove_environment(listed.path))
            click.echo(f"removed {label}")
    return 0
