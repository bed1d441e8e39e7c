"""What a run is asked for: every file and name read and found good before anything starts."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentdyno.core.errors import EnvironmentFault, InputError, Problem
from agentdyno.core.fault import FaultPlan, read_fault_plan
from agentdyno.core.settings import RunOptions, Settings
from agentdyno.evals.judges import library as judge_library
from agentdyno.experiments.choices import choices_of
from agentdyno.experiments.plan import Prepared
from agentdyno.experiments.variants import Declared, variants_of
from agentdyno.models.providers import Catalogue, read_providers
from agentdyno.models.script import Script, load_script
from agentdyno.runners import envs
from agentdyno.runners.own import Ref, is_own, resolve_own
from agentdyno.scenarios.loader import LoadedScenario, load_scenario
from agentdyno.scenarios.paths import shown


@dataclass(frozen=True, kw_only=True)
class Request:
    """A run, with nothing left to look up."""

    options: RunOptions
    scenarios: tuple[Prepared, ...]
    runners: tuple[Ref, ...]
    unresolved: Mapping[str, EnvironmentFault]
    """Runners of a version that cannot be had, with the reason, by what the user typed."""
    catalogue: Catalogue | None = None
    """Providers and their keys; null unless some calls may go live."""
    fault_plans: tuple[FaultPlan | None, ...] | None = None
    """One cell of the matrix for each; null leaves every scenario its own faults."""


def load_scripted(name: str) -> tuple[LoadedScenario, Script]:
    """Load one scenario with the rules of its scripted model.

    Raises:
        UsageError: there is no such scenario.
        InputError: its files hold problems.
    """
    loaded = load_scenario(name)
    return loaded, script_of(loaded)


def script_of(loaded: LoadedScenario) -> Script:
    """Return the rules of a scenario's scripted model.

    Raises:
        InputError: it has none, or they hold problems.
    """
    if loaded.script_path is None:
        path = shown(loaded.folder / "scenario.yaml")
        raise InputError([Problem(
            file=path, line=1, key="script",
            message="this scenario has no script for the scripted model; "
                    "add one, or name another with --model",
        )])
    names = [agent.name for agent in loaded.asked]
    return load_script(loaded.script_path, names, loaded.variables)


def goes_live(options: RunOptions) -> bool:
    """Tell whether a provider may be asked."""
    if options.model == "replay":
        return options.on_miss == "live" or options.fork_at is not None
    return options.model in ("live", "record")


def _prepare(loaded: LoadedScenario, options: RunOptions, variant: str) -> Prepared:
    if loaded.judge is not None:
        judge_library.version()
    if options.model == "scripted":
        return Prepared(loaded=loaded, script=script_of(loaded), variant=variant)
    choices = choices_of(loaded, options.llm) if goes_live(options) else {}
    return Prepared(loaded=loaded, choices=choices, variant=variant)


async def _scenarios(
    settings: Settings, options: RunOptions, declared: Declared | None
) -> tuple[Prepared, ...]:
    problems: list[Problem] = []
    scenarios: list[Prepared] = []
    for name in options.scenarios:
        try:
            found = await variants_of(name, options.variants, settings, declared)
            scenarios += [_prepare(loaded, options, variant) for variant, loaded in found]
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems, "correct these lines, then: agentdyno validate")
    return tuple(scenarios)


def _catalogue(
    settings: Settings, options: RunOptions, scenarios: Sequence[Prepared]
) -> Catalogue | None:
    if not goes_live(options):
        return None
    catalogue = read_providers(options.providers, options.env_file, settings.environment)
    for one in scenarios:
        catalogue.check(one.choices)
    return catalogue


async def _resolve(spec: str, settings: Settings) -> Ref:
    return resolve_own(spec) if is_own(spec) else await envs.resolve(spec, settings.cache)


async def read_request(
    settings: Settings, options: RunOptions, declared: Declared | None = None
) -> Request:
    """Read every file and name that a run uses.

    A version that a user names may have to be locked first, which asks a package index.

    Args:
        declared: variants in place of those that the scenarios declare themselves.

    Raises:
        UsageError: an unknown scenario, runner, model or provider, a key that is missing, or a
            judge without the library that it needs.
        InputError: the problems of all scenario and script files.
    """
    scenarios = await _scenarios(settings, options, declared)
    catalogue = _catalogue(settings, options, scenarios)
    fault_plans = (read_fault_plan(options.faults),) if options.faults else None
    typed = tuple(dict.fromkeys(options.runners))
    found = await asyncio.gather(
        *(_resolve(spec, settings) for spec in typed), return_exceptions=True
    )
    runners: dict[str, Ref] = {}
    unresolved: dict[str, EnvironmentFault] = {}
    for spec, result in zip(typed, found, strict=True):
        if isinstance(result, EnvironmentFault):
            unresolved[spec] = result
        elif isinstance(result, BaseException):
            raise result
        else:
            runners[result.label] = result
    return Request(
        options=options, scenarios=scenarios, runners=tuple(runners.values()),
        unresolved=unresolved, catalogue=catalogue, fault_plans=fault_plans,
    )
