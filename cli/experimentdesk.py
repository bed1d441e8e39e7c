"""`agentdyno experiment approve|promote|rollback|history`."""

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import click

from agentdyno.cli.context import load_settings, stderr_console, stdout_console

if TYPE_CHECKING:
    from agentdyno.core.promotion import PromotionRow
    from agentdyno.core.settings import Settings
    from agentdyno.experiments.promotion.desk import PromotionDesk
    from agentdyno.store.database import Pool

Result = TypeVar("Result")
_by = click.option("--by", metavar="NAME", help="Who does it; default: the user of this system.")
_reason = click.option("--reason", default="", help="Why; kept in the log.")


@click.command()
@click.argument("experiment")
@click.argument("variant")
@_by
@_reason
def approve(experiment: str, variant: str, by: str | None, reason: str) -> int:
    """Approve VARIANT of EXPERIMENT, just as it ran: its prompts become the alias `candidate`.

    Nothing is promoted yet. An approval counts for this text and these settings alone.
    """
    from agentdyno.cli.person import os_user
    from agentdyno.experiments.promotion.evidence import name_of, ready

    name = name_of(experiment)

    async def work(desk: "PromotionDesk", pool: "Pool") -> "PromotionRow":
        release, _, _ = await ready(pool, name, variant)
        return await desk.approve(release, who=by or os_user(), reason=reason)

    row = _at_desk(work)
    click.echo(f"{row.who} approved {variant} of {name}; {_moved(row)}")
    click.echo(f"next: agentdyno experiment promote {experiment} {variant}")
    return 0


@click.command()
@click.argument("experiment")
@click.argument("variant")
@_by
@_reason
def promote(experiment: str, variant: str, by: str | None, reason: str) -> int:
    """Put VARIANT of EXPERIMENT in use: its prompts become the alias `production`.

    It must be approved, its verdict better or equal, and every guard shown to hold.
    """
    from agentdyno.cli.person import os_user
    from agentdyno.experiments.promotion.desk import told
    from agentdyno.experiments.promotion.evidence import name_of, ready

    name = name_of(experiment)

    async def work(desk: "PromotionDesk", pool: "Pool") -> "PromotionRow":
        release, evidence, _ = await ready(pool, name, variant)
        seen = await desk.newest(release.scenarios)
        return await desk.promote(
            release, evidence, who=by or os_user(), seen=seen, reason=reason
        )

    row = _at_desk(work)
    click.echo(f"{row.who} promoted {variant} of {name}; {_moved(row)}")
    click.echo(f"in production before: {told(row.was)}")
    click.echo(f"use it: agentdyno run {row.scenarios[0]} --variant production")
    click.echo(f"take it back: agentdyno experiment rollback {experiment}")
    return 0


@click.command()
@click.argument("experiment")
@_by
@_reason
def rollback(experiment: str, by: str | None, reason: str) -> int:
    """Take back the newest promotion of the scenarios of EXPERIMENT."""
    from agentdyno.cli.person import os_user
    from agentdyno.experiments.abtest.standing import standing
    from agentdyno.experiments.promotion.desk import told
    from agentdyno.experiments.promotion.evidence import name_of, scenarios_of

    name = name_of(experiment)

    async def work(desk: "PromotionDesk", pool: "Pool") -> "PromotionRow":
        scenarios = scenarios_of(await standing(pool, name))
        seen = await desk.newest(scenarios)
        return await desk.rollback(scenarios, who=by or os_user(), seen=seen, reason=reason)

    row = _at_desk(work)
    click.echo(
        f"{row.who} took {row.variant} of {row.experiment} back to {told(row.becomes)}; "
        f"{_moved(row)}"
    )
    return 0


@click.command()
@click.argument("experiment", required=False)
@click.option("--limit", default=50, show_default=True, help="At most this many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def history(experiment: str | None, limit: int, as_json: bool) -> int:
    """Show who approved, promoted and rolled back what, and why.

    An entry whose process was killed is repaired first, where the prompt registry can be asked.
    """
    from agentdyno.cli.person import os_user
    from agentdyno.cli.promotiontable import print_history
    from agentdyno.experiments.promotion.evidence import name_of
    from agentdyno.experiments.prompts.registry import RegistryAway

    name = name_of(experiment) if experiment else None

    async def work(desk: "PromotionDesk", pool: "Pool") -> "list[PromotionRow]":
        try:
            await desk.repair(os_user())
        except RegistryAway as away:
            stderr_console().print(f"entries are unfinished: {away}", markup=False)
        return await desk.log.history(experiment=name, limit=limit)

    rows = _at_desk(work)
    if as_json:
        for row in rows:
            click.echo(json.dumps(row.model_dump(mode="json"), ensure_ascii=False))
        return 0
    print_history(stdout_console(), rows, name)
    return 0


def _at_desk(work: "Callable[[PromotionDesk, Pool], Awaitable[Result]]") -> Result:
    from agentdyno.cli.bars import Bars
    from agentdyno.cli.database import open_database, run_async
    from agentdyno.experiments.promotion.desk import PromotionDesk
    from agentdyno.experiments.prompts.registry import CompanionRegistry

    async def main(settings: "Settings") -> Result:
        with Bars(stderr_console()) as bars:

            def progress(stage: str, done: int, total: int) -> None:
                bars.stage("mlflow", stage, done, total)

            async with (
                open_database(settings) as pool,
                CompanionRegistry(settings, progress) as registry,
            ):
                return await work(PromotionDesk(pool, registry), pool)

    return run_async(main(load_settings()))


def _moved(row: "PromotionRow") -> str:
    prompts = {
        name: prompt.version for one in row.becomes.values() for name, prompt in one.prompts.items()
    }
    told = ", ".join(f"{name}/{version}" for name, version in prompts.items()) or "nothing"
    return f"{row.alias} is now {told} (entry {row.id})"
