"""`agentdyno validate`: everything that would be refused, without a run."""

import click


@click.command()
@click.argument("scenarios", nargs=-1)
@click.option("--no-servers", is_flag=True, help="Do not ask tool servers for their tools.")
def validate(scenarios: tuple[str, ...], no_servers: bool) -> int:
    """Check SCENARIOS (names or paths; default: the whole library) and their scripts.

    All problems are listed at once, with file, line and key.
    """
    from agentdyno.cli.database import run_async
    from agentdyno.core.errors import InputError, Problem
    from agentdyno.experiments.request import script_of
    from agentdyno.experiments.toolcheck import tool_problems
    from agentdyno.scenarios.loader import LoadedScenario, list_scenarios, load_cases
    from agentdyno.tools.gateway import ToolGateway

    async def ask_servers() -> list[Problem]:
        gateway = ToolGateway({})
        try:
            return [p for loaded in good for p in await tool_problems(gateway, loaded)]
        finally:
            await gateway.stop()

    problems: list[Problem] = []
    good: list[LoadedScenario] = []
    for name in scenarios or list_scenarios():
        try:
            for one in _arrangements(name):
                for loaded in load_cases(one):
                    script_of(loaded)
                    good.append(loaded)
        except InputError as error:
            problems.extend(error.problems)
    if not no_servers:
        problems.extend(run_async(ask_servers()))
    if problems:
        raise InputError(problems, "correct these lines, then: agentdyno validate")
    for loaded in good:
        click.echo(f"{loaded.situation}: good")
    return 0


def _arrangements(name: str) -> list[str]:
    """Return `name` and, unless it is one itself, each of its arrangements as a name."""
    from agentdyno.scenarios.loader import load_scenario

    return [name, *(f"{name}.{one}" for one in load_scenario(name).scenario.arrangements)]
