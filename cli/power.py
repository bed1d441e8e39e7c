"""`agentdyno power`: how many cases and trials an effect needs before it can be seen."""

import click
from rich import box
from rich.table import Table

from agentdyno.cli.comparing import load_arms
from agentdyno.cli.context import stdout_console
from agentdyno.cli.database import run_async
from agentdyno.core.errors import UsageError
from agentdyno.evals.statistics.power import (
    Scatter,
    advise,
    minimum_detectable,
    rate_scatter,
    seen_scatter,
)
from agentdyno.experiments.compare.metrics import METRICS, values_of


@click.command("power")
@click.argument("arms", nargs=-1, metavar="[ARM [ARM]]")
@click.option("--effect", type=click.FloatRange(min=0, min_open=True), default=0.1,
              show_default=True, help="Difference of pass rates that must show: 0.1 is ten points.")
@click.option("--rate", type=click.FloatRange(0, 1), default=0.8, show_default=True,
              help="Pass rate to expect, where no ARM is given.")
@click.option("--between", type=click.FloatRange(min=0), default=0.1, show_default=True,
              help="Standard deviation of the true difference between cases, without two ARMs.")
@click.option("--power", "wanted", type=click.FloatRange(0, 1, min_open=True, max_open=True),
              default=0.8, show_default=True, help="Chance with which it must show.")
@click.option("--alpha", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.05,
              show_default=True, help="Chance of a false alarm.")
@click.option("--scenario", "scenarios", multiple=True, help="Only this scenario of the ARMs.")
@click.option("--limit", type=click.IntRange(min=1), default=5000, hidden=True)
def power_command(
    arms: tuple[str, ...], effect: float, rate: float, between: float, wanted: float,
    alpha: float, scenarios: tuple[str, ...], limit: int,
) -> int:
    """Say how many cases, run how often, show a difference of pass rates.

    With one ARM or two (as in `agentdyno compare`), the scatter is that of their stored trials.
    """
    if len(arms) > 2:
        raise UsageError("power looks at two arms at most.", "agentdyno power crewai langgraph")
    console = stdout_console()
    if arms:
        scatter, cases, trials = _seen(arms, scenarios, limit, between)
        least = minimum_detectable(cases, trials, scatter, alpha=alpha, wanted=wanted)
        if least is not None:
            console.print(
                f"stored: {cases} cases x {trials} trials; a difference of {least:.2f} would show"
            )
    else:
        scatter = rate_scatter(rate, between)
    sizes = advise(effect, scatter, alpha=alpha, wanted=wanted)
    if not sizes:
        raise UsageError(
            f"no plan of 100,000 cases or fewer shows an effect of {effect:g}.", "ask for a larger"
            " --effect",
        )
    console.print(
        f"scatter: {scatter.within:.2f} between trials of a case, {scatter.between:.2f} between"
        f" cases; effect {effect:g}, power {wanted:g}, alpha {alpha:g} (two-sided, paired by case)"
    )
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for head in ("trials per case", "cases", "trials of one arm", "power"):
        table.add_column(head, justify="right")
    cheapest = min(sizes, key=lambda size: size.runs)
    for size in sizes:
        style = "green" if size is cheapest else None
        table.add_row(
            str(size.trials), f"{size.cases:,}", f"{size.runs:,}", f"{size.power:.2f}", style=style
        )
    console.print(table)
    console.print(
        f"fewest trials: --trials {cheapest.trials} on {cheapest.cases:,} cases. More trials per"
        " case help only as far as trials scatter more than cases do.", style="dim",
    )
    return 0


def _seen(
    texts: tuple[str, ...], scenarios: tuple[str, ...], limit: int, between: float
) -> tuple[Scatter, int, int]:
    arms = run_async(load_arms(texts, scenarios, limit))
    values = [values_of(arm.trials, [METRICS["passed"]])["passed"] for arm in arms]
    found = seen_scatter(*values)
    if found is None:
        raise UsageError(
            "no case of these arms has two trials, so their scatter is unknown.",
            "agentdyno run SCENARIO --trials 5, or leave the arms out",
        )
    if not found.within and not found.between:
        raise UsageError(
            "all trials of these arms ended alike, which says nothing of how they would scatter.",
            "leave the arms out and give --rate and --between",
        )
    if len(arms) == 1:
        found = Scatter(within=found.within, between=between)
    cases = {case for arm in values for case in arm}
    trials = round(sum(len(some) for arm in values for some in arm.values())
                   / (len(cases) * len(values)))
    return found, len(cases), max(1, trials)
