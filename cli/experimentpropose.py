"""`agentdyno experiment propose`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentdyno.cli.context import load_settings, stdout_console
from agentdyno.cli.options import model_options, model_settings

if TYPE_CHECKING:
    from agentdyno.experiments.proposing.propose import Proposed


@click.command()
@click.argument("experiment", required=False)
@click.option("--scenario", metavar="NAME",
              help="Read the stored trials of a scenario instead of an experiment's.")
@click.option("--variant", metavar="NAME",
              help="Whose failures to read; default: the experiment's baseline.")
@click.option("--matrix", metavar="ID", help="With --scenario: the only run to read.")
@click.option("--most", type=click.IntRange(1, 10), default=3, show_default=True,
              help="Variants to ask for.")
@click.option("--temperature", type=click.FloatRange(0, 2), help="Of the proposing model.")
@click.option("--script", type=click.Path(dir_okay=False, exists=True, path_type=Path),
              metavar="FILE", help="Rules of the scripted model, for the agent `proposer`.")
@click.option("--seed", default=0, show_default=True, help="Seed of the scripted model.")
@model_options
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def propose(
    experiment: str | None, scenario: str | None, variant: str | None, matrix: str | None,
    most: int, temperature: float | None, script: Path | None, seed: int, as_json: bool,
    **given: Any,
) -> int:
    """Have a model read why trials of EXPERIMENT failed, and propose other prompts and routing.

    Proposals are written as an experiment of their own, beside EXPERIMENT's file. Nothing is
    promoted: run that experiment, then approve.
    """
    from agentdyno.cli.database import run_async
    from agentdyno.cli.proposing import Whose, propose_variants
    from agentdyno.core.errors import UsageError
    from agentdyno.core.settings import RunOptions

    if (experiment is None) == (scenario is None):
        raise UsageError("name either an experiment, or a scenario with --scenario.",
                         "agentdyno experiment propose --help")
    if matrix and not scenario:
        raise UsageError("--matrix goes with --scenario.", "agentdyno experiment propose --help")
    whose = Whose(experiment=experiment, scenario=scenario, variant=variant, matrix=matrix)
    options = RunOptions(
        scenarios=(scenario or experiment or "",), runners=(), seed=seed, **model_settings(given)
    )
    done = run_async(propose_variants(
        load_settings(), options, whose, most=most, script=script, temperature=temperature
    ))
    _print(done, as_json)
    return 0


def _print(done: "Proposed", as_json: bool) -> None:
    import json

    from agentdyno.cli.eventlines import plain, shorten
    from agentdyno.scenarios.paths import shown

    if as_json:
        click.echo(json.dumps({
            "file": str(done.file), "experiment": done.name, "model": done.answered.model,
            "calls": done.answered.calls, "cost_usd": done.answered.cost_usd,
            "causes": [cause.model_dump(mode="json") for cause in done.causes],
            "variants": {
                name: one.model_dump(mode="json", exclude_unset=True)
                for name, one in done.variants.items()
            },
        }, ensure_ascii=False))
        return
    console = stdout_console()
    for cause in done.causes:
        whose = f" of {cause.agent}" if cause.agent else ""
        line = f"{cause.kind} {cause.what}{whose}: {cause.trials} of {cause.of} trials"
        console.print(plain(line), markup=False)
        console.print(f"  {plain(shorten(cause.examples[0].why, False, 120))}", markup=False,
                      style="dim")
    for name, variant in done.variants.items():
        console.print(f"proposed: {name}: {plain(variant.title)}", markup=False)
    cost = done.answered.cost_usd
    paid = "" if cost is None else f", {cost:.4f} USD"
    console.print(f"by {done.answered.model}, {done.answered.calls} calls{paid}", style="dim",
                  markup=False)
    console.print(f"read it, then: agentdyno experiment run {shown(done.file)}", markup=False)
