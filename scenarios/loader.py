"""Finds scenarios, refuses those that hold problems, and resolves the rest into what will run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentdyno.agents.library import AgentLibrary
from agentdyno.core.errors import InputError, Problem, UsageError
from agentdyno.core.override import AgentOverride
from agentdyno.core.pattern import pattern_agents
from agentdyno.core.scenario import Scenario
from agentdyno.core.spec import AgentSpec
from agentdyno.core.variant import PromptUse, Variant
from agentdyno.core.yamlfile import YamlDocument, load_yaml, validate_model
from agentdyno.core.yamlproblem import nearest
from agentdyno.scenarios.arrangements import arranged
from agentdyno.scenarios.cases import instance
from agentdyno.scenarios.digest import definition_digest, text_digest
from agentdyno.scenarios.judges import judge_of
from agentdyno.scenarios.paths import shown
from agentdyno.scenarios.references import References
from agentdyno.scenarios.team import make_team
from agentdyno.scenarios.users import LoadedUser, Users
from agentdyno.scenarios.variants import unknown_agents, varied

LIBRARY = Path(__file__).parent
FILE = "scenario.yaml"


@dataclass(frozen=True, kw_only=True)
class LoadedScenario:
    """A scenario with nothing left to resolve."""

    scenario: Scenario
    agents: tuple[AgentSpec, ...]
    """The team in the pattern's order, with every template rendered."""
    folder: Path
    """Absolute path of the scenario's folder."""
    digest: str
    """Content hash of the resolved definition and of every file of the folder."""
    script_path: Path | None
    """Rules of the scripted model; null when the scenario has none."""
    variables: Mapping[str, Any]
    """Variables of the script's templates."""
    user_turns: tuple[str, ...]
    """What the user says, rendered; of a simulated user what he says first, if that is given."""
    user: LoadedUser | None = None
    """Who says what follows; null where all turns are given."""
    judge: AgentSpec | None = None
    """Under whose name the model of its judges is called; null where no check has one."""
    case: str = ""
    """Name of the case; "" where the scenario has only itself."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Instructions of each agent as they were written, before any template was rendered."""
    prompt_sources: Mapping[str, PromptUse] = field(default_factory=dict)
    """Where a variant had the instructions of an agent from."""

    @property
    def prompt_uses(self) -> tuple[PromptUse, ...]:
        """Return which prompt each agent is given."""
        return tuple(self._use(agent, text) for agent, text in self.prompts.items())

    def _use(self, agent: str, text: str) -> PromptUse:
        own, digest = f"{self.scenario.name}.{agent}", text_digest(text)
        source = self.prompt_sources.get(agent)
        # What a variant appends to a prompt makes another one of it.
        if source is None or source.sha256 != digest:
            return PromptUse(agent=agent, name=own, sha256=digest)
        return source if source.name else source.model_copy(update={"name": own})

    @property
    def situation(self) -> str:
        """Return `scenario:case`, or the scenario alone."""
        return f"{self.scenario.name}:{self.case}" if self.case else self.scenario.name

    @property
    def callers(self) -> tuple[AgentSpec, ...]:
        """Return everybody who calls a model: the team, and a simulated user after it."""
        return (*self.agents, self.user.agent) if self.user else self.agents

    @property
    def asked(self) -> tuple[AgentSpec, ...]:
        """Return everybody whose model is asked something: the callers, and a judge after them."""
        return (*self.callers, self.judge) if self.judge else self.callers


def list_scenarios() -> tuple[str, ...]:
    """Return the names of the bundled scenarios, in alphabetical order."""
    return tuple(sorted(path.parent.name for path in LIBRARY.glob(f"*/{FILE}")))


def load_scenario(
    name_or_path: str | Path,
    overrides: Mapping[str, AgentOverride] | None = None,
    library: AgentLibrary | None = None,
    variant: Variant | None = None,
) -> LoadedScenario:
    """Load one scenario.

    Args:
        name_or_path: name of a bundled scenario, or path of a scenario's folder or YAML file;
            with `.ARRANGEMENT` at its end, that arrangement of it; with `:CASE` at its end, that
            case. Of a scenario with cases that names none, what they have in common.
        overrides: a variant's changes by agent name, applied after the scenario's own.
        library: where archetypes come from; the built-in ones when absent.
        variant: what changes in it; its prompts must have become `agents` already.

    Raises:
        UsageError: there is no such scenario, or `overrides` or `variant` name no agent of it.
        InputError: its files hold problems; all of them are listed.
    """
    base, _, case = str(name_or_path).partition(":")
    found = load_cases(base, overrides, library, only=case, variant=variant)
    return found[0]


def load_cases(
    name_or_path: str | Path,
    overrides: Mapping[str, AgentOverride] | None = None,
    library: AgentLibrary | None = None,
    *,
    only: str | None = None,
    variant: Variant | None = None,
) -> tuple[LoadedScenario, ...]:
    """Load every case of one scenario, or the scenario itself where it has none.

    Args:
        only: the one case to load; "" for what they have in common.

    Raises:
        As `load_scenario`.
    """
    library = library or AgentLibrary()
    base, _, named = str(name_or_path).partition(":")
    only = named or only
    path, arrangement = _located(base)
    folder = path.parent.resolve()
    document = load_yaml(path, shown(path))
    scenario = validate_model(
        document, Scenario, extra_problems=References(document, folder, library).find()
    )
    if arrangement is not None:
        scenario = arranged(scenario, arrangement)
    if only and only not in scenario.cases:
        raise UsageError(
            f"scenario {scenario.name!r} has no case {only!r}{nearest(only, scenario.cases)}",
            "agentdyno list scenarios",
        )
    names = ("",) if only == "" or not scenario.cases else (only,) if only else (*scenario.cases,)
    return tuple(
        _loaded(
            instance(scenario, scenario.cases[name]) if name else scenario, name, document, folder,
            overrides or {}, library, variant or Variant(),
        )
        for name in names
    )


def _loaded(
    scenario: Scenario, case: str, document: YamlDocument, folder: Path,
    overrides: Mapping[str, AgentOverride], library: AgentLibrary, variant: Variant,
) -> LoadedScenario:
    problems: list[Problem] = []
    original, scenario = scenario, varied(scenario, variant)
    changed = {*overrides, *variant.agents}
    for name in unknown_agents(original, sorted(changed), variant):
        names = pattern_agents(scenario.pattern)
        raise UsageError(
            f"scenario {scenario.name!r} has no agent {name!r}{nearest(name, names)}",
            f"agentdyno validate {scenario.name}",
        )
    users = Users(scenario, document, folder)
    turns, user = users.resolve()
    problems += users.problems
    prompts: dict[str, str] = {}
    agents = make_team(scenario, document, overrides, library, variant, problems, prompts)
    judge = judge_of(scenario, document, problems)
    if problems:
        raise InputError(problems)
    return LoadedScenario(
        scenario=scenario,
        agents=agents,
        folder=folder,
        digest=definition_digest(scenario, agents, turns, user, folder),
        script_path=folder / scenario.script if scenario.script else None,
        variables=scenario.vars,
        user_turns=turns,
        user=user,
        judge=judge,
        case=case,
        prompts=prompts,
    )


def find_scenario(name_or_path: str | Path) -> Path:
    """Return the path of the YAML file of a scenario; raises `UsageError` when there is none."""
    names = list_scenarios()
    if str(name_or_path) in names:
        return LIBRARY / str(name_or_path) / FILE
    path = Path(name_or_path)
    if path.is_file():
        return path
    if (path / FILE).is_file():
        return path / FILE
    if path.is_dir():
        raise UsageError(f"the folder {path} holds no {FILE}", "agentdyno list")
    raise UsageError(
        f"there is no scenario {str(name_or_path)!r}{nearest(str(name_or_path), names)}, "
        f"neither in the library ({', '.join(names)}) nor as a path",
        "agentdyno list",
    )


def _located(name_or_path: str | Path) -> tuple[Path, str | None]:
    """Return the file of a scenario and the arrangement that is asked for, if any."""
    base, dot, arrangement = str(name_or_path).rpartition(".")
    try:
        return find_scenario(name_or_path), None
    except UsageError:
        if not (dot and base and arrangement.isidentifier()):
            raise
    return find_scenario(base), arrangement
