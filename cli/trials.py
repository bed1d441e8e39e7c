"""`agentdyno list`, `show` and `log dump`: what is stored."""

import click

from agentdyno.cli.context import load_settings, stdout_console


@click.command("list")
@click.argument(
    "what", type=click.Choice(["trials", "scenarios", "runners"]), default="trials", required=False
)
@click.option("--scenario", help="Only trials of this scenario.")
@click.option("--runner", help="Only trials of this runner.")
@click.option("--limit", default=50, show_default=True, help="At most this many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_command(
    what: str, scenario: str | None, runner: str | None, limit: int, as_json: bool
) -> int:
    """List stored trials (newest first), or the scenarios or runners that there are."""
    if what == "scenarios":
        return _list_scenarios()
    if what == "runners":
        return _list_runners()
    from agentdyno.cli.database import open_database, run_async
    from agentdyno.cli.listing import print_trials
    from agentdyno.store.rows import TrialRow
    from agentdyno.store.trials import TrialStore

    async def main() -> list[TrialRow]:
        async with open_database(load_settings()) as pool:
            return await TrialStore(pool).list(scenario=scenario, runner=runner, limit=limit)

    print_trials(stdout_console(), run_async(main()), as_json=as_json)
    return 0


def _list_scenarios() -> int:
    from agentdyno.scenarios.loader import list_scenarios, load_scenario

    for name in list_scenarios():
        scenario = load_scenario(name).scenario
        click.echo(f"{name:34} {scenario.pattern.type:12} {scenario.title}")
        for arrangement, other in scenario.arrangements.items():
            title = other.title or "the same, arranged otherwise"
            click.echo(f"{f'{name}.{arrangement}':34} {other.pattern.type:12} {title}")
    return 0


def _list_runners() -> int:
    from agentdyno.runners.registry import list_runners

    for row in list_runners():
        click.echo(f"{row.name:15} {row.summary}")
    return 0


@click.command()
@click.argument("trial")
@click.option("--full", is_flag=True, help="Show whole texts.")
@click.option("--json", "as_json", is_flag=True, help="The sealed trial as JSON.")
def show(trial: str, full: bool, as_json: bool) -> int:
    """Show one trial: conversation, calls, timing, verdicts, settings. TRIAL may be a prefix."""
    from agentdyno.cli.database import open_database, run_async
    from agentdyno.cli.tree import trial_tree
    from agentdyno.core.trial import Trial
    from agentdyno.store.trials import TrialStore

    async def main() -> Trial:
        async with open_database(load_settings()) as pool:
            return await TrialStore(pool).get(trial)

    found = run_async(main())
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return 0
    console = stdout_console()
    console.print(trial_tree(found, full=full))
    if not full:
        click.echo(f"\nwhole texts: agentdyno show {found.id[:10]} --full")
        click.echo(f"raw wire:    agentdyno log dump {found.id[:10]}")
    return 0


@click.group()
def log() -> None:
    """Look at the raw wire of a trial."""


@log.command()
@click.argument("trial")
def dump(trial: str) -> int:
    """Write every exchange of TRIAL with both gateways as JSON lines, in order."""
    from agentdyno.cli.database import open_database, run_async
    from agentdyno.core.event import WireRecord
    from agentdyno.store.trials import TrialStore

    async def main() -> tuple[WireRecord, ...]:
        async with open_database(load_settings()) as pool:
            store = TrialStore(pool)
            return await store.wire(await store.find(trial))

    for record in run_async(main()):
        click.echo(record.model_dump_json())
    return 0
