"""What a run is asked for: every file and name read and found good before anything starts."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from agentdyno.core.errors import EnvironmentFault, InputError, Problem
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
    unresolved: Mapping[str, EnvironmentFault]
    """Runners of a version that cannot be had, with the reason, by what the user typed."""


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
    names = [agent.name for agent in loaded.callers]
    return loaded, load_script(loaded.script_path, names, loaded.variables)


async def read_request(settings: Settings, options: RunOptions) -> Request:
    """Read every file and name that a run uses.

    A version that a user names may have to be locked first, which asks a package index.

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
    typed = tuple(dict.fromkeys(options.runners))
    found = await asyncio.gather(
        *(envs.resolve(spec, settings.cache) for spec in typed), return_exceptions=True
    )
    runners: dict[str, RunnerRef] = {}
    unresolved: dict[str, EnvironmentFault] = {}
    for spec, result in zip(typed, found, strict=True):
        if isinstance(result, EnvironmentFault):
            unresolved[spec] = result
        elif isinstance(result, BaseException):
            raise result
        else:
            runners[result.label] = result
    return Request(
        options=options, scenarios=tuple(scenarios), runners=tuple(runners.values()),
        unresolved=unresolved,
    )
