"""What a run is asked for: every file and name read and found good before anything starts."""

from dataclasses import dataclass

from agentdyno.core.errors import InputError, Problem
from agentdyno.core.settings import RunOptions, Settings
from agentdyno.models.script import Script, load_script
from agentdyno.runners import envs
from agentdyno.runners.ref import RunnerRef
from agentdyno.scenarios.loader import LoadedScenario, load_scenario, shown


@dataclass(frozen=True, kw_only=True)
class Request:
    """A run, with nothing left to look up."""

    options: RunOptions
    scenarios: tuple[tuple[LoadedScenario, Script], ...]
    runners: tuple[RunnerRef, ...]


def load_scripted(name: str) -> tuple[LoadedScenario, Script]:
    """Load one scenario with the rules of its scripted model.

    Raises:
        UsageError: there is no such scenario.
        InputError: its files hold problems.
    """
    loaded = load_scenario(name)
    if loaded.script_path is None:
        path = shown(loaded.folder / "scenario.yaml")
        raise InputError([Problem(
            file=path, line=1, key="script",
            message="this scenario has no script, and the scripted model is the only one so far",
        )])
    names = [agent.name for agent in loaded.agents]
    return loaded, load_script(loaded.script_path, names, loaded.variables)


def read_request(settings: Settings, options: RunOptions) -> Request:
    """Read every file and name that a run uses.

    Raises:
        UsageError: an unknown scenario or runner.
        InputError: the problems of all scenario and script files.
    """
    problems: list[Problem] = []
    scenarios: list[tuple[LoadedScenario, Script]] = []
    for name in options.scenarios:
        try:
            scenarios.append(load_scripted(name))
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems, "correct these lines, then: agentdyno validate")
    labels = dict.fromkeys(options.runners)
    runners = tuple(envs.resolve(label, settings.cache) for label in labels)
    return Request(options=options, scenarios=tuple(scenarios), runners=runners)
