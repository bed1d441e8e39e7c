"""`agentdyno diff`: how two trials asked the model for the same thing."""

import click

from agentdyno.cli.context import load_settings, stdout_console


@click.command()
@click.argument("trial_a")
@click.argument("trial_b")
@click.option("--full", is_flag=True, help="Show whole texts, schemas and every message.")
@click.option("--json", "as_json", is_flag=True, help="The whole diff as JSON.")
def diff(trial_a: str, trial_b: str, full: bool, as_json: bool) -> int:
    """Show what TRIAL_A and TRIAL_B sent to the model, side by side.

    Compared are prompts, messages and their order, tool schemas, parameters, extra calls and the
    tokens of each part, as they were on the wire. Trials may be named by a prefix of their id.
    """
    from agentdyno.cli.database import open_database, run_async
    from agentdyno.cli.diffview import print_diff
    from agentdyno.experiments.wirediff.diff import Recorded, diff_trials
    from agentdyno.store.trials import TrialStore

    async def main() -> tuple[Recorded, Recorded]:
        async with open_database(load_settings()) as pool:
            store = TrialStore(pool)

            async def load(prefix: str) -> Recorded:
                trial = await store.get(prefix)
                return trial, await store.wire(trial.id)

            return await load(trial_a), await load(trial_b)

    found = diff_trials(*run_async(main()))
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return 0
    print_diff(stdout_console(), found, full=full)
    if not (full or found.same):
        ids = f"{found.a.trial[:10]} {found.b.trial[:10]}"
        click.echo(f"\nwhole texts: agentdyno diff {ids} --full")
    return 0
