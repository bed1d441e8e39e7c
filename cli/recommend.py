"""`agentdyno recommend SCENARIO`: which runner for this kind of team, why, and with what limits."""

import dataclasses
import json

import click

from agentdyno.cli.compare import print_front
from agentdyno.cli.comparing import load_arms
from agentdyno.cli.context import stdout_console
from agentdyno.cli.database import run_async
from agentdyno.cli.judgemarks import print_marks
from agentdyno.core.errors import UsageError
from agentdyno.experiments.compare.advice import Advice, advise
from agentdyno.experiments.compare.compare import Rules, compare
from agentdyno.experiments.compare.pareto import Front, pareto
from agentdyno.runners.registry import list_runners
from agentdyno.scenarios.loader import load_cases


@click.command()
@click.argument("scenario")
@click.option("--runner", "runners", multiple=True, metavar="ARM",
              help="Only these arms (as in compare); default: every runner with stored trials.")
@click.option("--with", "filters", metavar="FILTERS",
              help="Conditions of all arms, such as model=scripted,retries=uniform.")
@click.option("--seed", default=0, show_default=True, help="Seed of resampling.")
@click.option("--limit", type=click.IntRange(min=1), default=5000, show_default=True,
              help="Look at so many stored trials, newest first.")
@click.option("--json", "as_json", is_flag=True, help="The advice as JSON.")
def recommend(
    scenario: str, runners: tuple[str, ...], filters: str | None, seed: int, limit: int,
    as_json: bool,
) -> int:
    """Recommend a runner for SCENARIO from stored trials, with the evidence and its limits."""
    loaded = load_cases(scenario)[0]
    pattern, name = loaded.scenario.pattern, loaded.scenario.name
    native, able = {}, []
    for row in list_runners():
        support = row.teamwork.support(pattern, loaded.agents)
        if support.kind != "unsupported":
            able.append(row.name)
            native[row.name] = f"{support.kind}: {support.how}"
    texts = [f"{arm},{filters}" if filters else arm for arm in runners or able]
    if len(texts) < 2:
        raise UsageError("a recommendation needs two runners to choose from.", "agentdyno runners")
    arms = run_async(load_arms(texts, (name,), limit, lenient=not runners))
    found = compare(arms, Rules(checks=False, seed=seed))
    front = pareto(arms)
    if front is None or not found:
        raise UsageError(
            f"fewer than two runners have stored trials of {name} in common.",
            f"agentdyno run {scenario} --trials 5",
        )
    told = advise(pattern, {text: native.get(_runner(text), "") for text in texts}, found, front)
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(told), "front": dataclasses.asdict(front)},
                              indent=2, default=lambda noun: noun.model_dump()))
        return 0
    _print(name, told, front)
    print_marks(stdout_console(), [trial for arm in arms for trial in arm.trials])
    return 0


def _runner(arm: str) -> str:
    return arm.partition(",")[0].partition("@")[0]


def _print(name: str, told: Advice, front: Front) -> None:
    console = stdout_console()
    choice = " or ".join(told.choose) or "nothing: no runner is shown to be good enough"
    console.print(f"{name}: {choice}", style="bold", markup=False)
    console.print()
    for sentence in told.words:
        console.print(f"  {sentence}", markup=False)
    console.print("\nWhat this does not rest on")
    for limit in told.limits:
        console.print(f"  {limit}", markup=False, style="yellow")
    console.print()
    print_front(console, front)
