"""Finds scenarios, refuses those that hold problems, and resolves the rest into what will run."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentdyno.agents.factory import AgentFactory, AgentFault
from agentdyno.agents.library import AgentLibrary
from agentdyno.core.canonical import content_hash
from agentdyno.core.errors import InputError, Problem, UsageError
from agentdyno.core.pattern import pattern_agents
from agentdyno.core.scenario import AgentOverride, Scenario
from agentdyno.core.spec import AgentSpec
from agentdyno.core.yamlfile import YamlDocument, load_yaml, validate_model
from agentdyno.core.yamlproblem import nearest
from agentdyno.scenarios.arrangements import arranged
from agentdyno.scenarios.cases import instance
from agentdyno.scenarios.judges import judge_of
from agentdyno.scenarios.references import References
from agentdyno.scenarios.users import LoadedUser, Users

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
) -> LoadedScenario:
    """Load one scenario.

    Args:
        name_or_path: name of a bundled scenario, or path of a scenario's folder or YAML file;
            with `.ARRANGEMENT` at its end, that arrangement of it; with `:CASE` at its end, that
            case. Of a scenario with cases that names none, what they have in common.
        overrides: a variant's changes by agent name, applied after the scenario's own.
        library: where archetypes come from; the built-in ones when absent.

    Raises:
        UsageError: there is no such scenario, or `overrides` names no agent of it.
        InputError: its files hold problems; all of them are listed.
    """
    base, _, case = str(name_or_path).partition(":")
    found = load_cases(base, overrides, library, only=case)
    return found[0]


def load_cases(
    name_or_path: str | Path,
    overrides: Mapping[str, AgentOverride] | None = None,
    library: AgentLibrary | None = None,
    *,
    only: str | None = None,
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
            overrides or {}, library,
        )
        for name in names
    )


def _loaded(
    scenario: Scenario, case: str, document: YamlDocument, folder: Path,
    overrides: Mapping[str, AgentOverride], library: AgentLibrary,
) -> LoadedScenario:
    problems: list[Problem] = []
    users = Users(scenario, document, folder)
    turns, user = users.resolve()
    problems += users.problems
    agents = _agents(scenario, document, overrides, library, problems)
    judge = judge_of(scenario, document, problems)
    if problems:
        raise InputError(problems)
    return LoadedScenario(
        scenario=scenario,
        agents=agents,
        folder=folder,
        digest=_digest(scenario, agents, turns, user, folder),
        script_path=folder / scenario.script if scenario.script else None,
        variables=scenario.vars,
        user_turns=turns,
        user=user,
        judge=judge,
        case=case,
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


def shown(path: Path) -> str:
    """Return `path` as a user would type it: short where it lies below the working folder."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _agents(
    scenario: Scenario,
    document: YamlDocument,
    overrides: Mapping[str, AgentOverride],
    library: AgentLibrary,
    problems: list[Problem],
) -> tuple[AgentSpec, ...]:
    names = pattern_agents(scenario.pattern)
    for name in overrides:
        if name not in names:
            raise UsageError(
                f"scenario {scenario.name!r} has no agent {name!r}{nearest(name, names)}",
                f"agentdyno validate {scenario.name}",
            )
    factory = AgentFactory(library)
    agents = []
    for name in names:
        layers = [scenario.agents[name], *([overrides[name]] if name in overrides else [])]
        try:
            agents.append(factory.resolve(
                name, layers, vars=scenario.vars, team=names, servers=scenario.mcpServers,
                verbatim=scenario.verbatim,
            ).model_copy(update={"report_missing_tools": scenario.report_missing_tools}))
        except AgentFault as fault:
            problems.append(document.problem(("agents", name, fault.part), fault.message))
    return tuple(agents)


def _digest(
    scenario: Scenario, agents: tuple[AgentSpec, ...], turns: tuple[str, ...],
    user: LoadedUser | None, folder: Path,
) -> str:
    return content_hash({
        "scenario": scenario.model_dump(mode="json"),
        "agents": [agent.model_dump(mode="json") for agent in agents],
        "user": turns,
        "files": _files(folder),
        **({"simulated": user.agent.model_dump(mode="json")} if user else {}),
    })


def _files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below `folder` by relative path, without caches.

    Caches are what Python compiles and what begins with a dot.
    """
    digests = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") or part == "__pycache__" for part in parts):
            continue
        try:
            if path.is_file():
                digests["/".join(parts)] = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            message = f"cannot be read: {error.strerror}"
            problem = Problem(file=shown(path), line=1, key="", message=message)
            raise InputError([problem]) from error
    return digests
