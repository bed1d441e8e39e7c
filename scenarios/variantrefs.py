"""What the `variants:` of a file refer to must exist: agents, archetypes, tool servers, scripts."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from agentdyno.core.errors import Problem
from agentdyno.core.pattern import pattern_agents
from agentdyno.core.variant import ALL, BASELINE
from agentdyno.core.yamlfile import KeyPath, YamlDocument
from agentdyno.scenarios.checkrefs import unknown
from agentdyno.scenarios.parts import mapping, part
from agentdyno.scenarios.patternrefs import PATTERN, pattern_problems


def variant_problems(
    document: YamlDocument, folder: Path, *, agents: Collection[str],
    archetypes: Collection[str], servers: Collection[str],
) -> list[Problem]:
    """Return what is wrong with the variants that a scenario's file declares.

    Args:
        folder: the scenario's.
        agents: those that the scenario's own pattern uses.
    """
    found: list[Problem] = []
    for name, variant in mapping(document.data, "variants").items():
        path = ("variants", name)
        if name in (BASELINE, ALL):
            meaning = "the scenario as it is" if name == BASELINE else "every variant"
            found.append(document.problem(path, f"{name!r} means {meaning}; take another name"))
        found += [
            document.problem((*path, *where), message)
            for where, message in _dangling(variant, agents, archetypes, servers, folder)
        ]
        found += _pattern(document, path, variant, agents)
    return found


def _dangling(
    variant: Any, agents: Collection[str], archetypes: Collection[str],
    servers: Collection[str], folder: Path,
) -> Iterator[tuple[KeyPath, str]]:
    changed = mapping(variant, "agents")
    pattern = part(PATTERN, mapping(variant, "pattern"))
    team = pattern_agents(pattern) if pattern else agents
    for key in ("agents", "prompts"):
        for name in mapping(variant, key):
            if name not in team:
                yield (key, name), unknown("agent", name, sorted(team))
    layers: list[tuple[KeyPath, Any]] = [(("agents", name), data) for name, data in changed.items()]
    for path, data in [*layers, (("every_agent",), mapping(variant, "every_agent"))]:
        base = data.get("extends") if isinstance(data, dict) else None
        if isinstance(base, str) and base not in archetypes:
            yield (*path, "extends"), unknown("archetype", base, sorted(archetypes))
        tools = data.get("tools") if isinstance(data, dict) else None
        for at, tool in enumerate(tools if isinstance(tools, list) else ()):
            server = str(tool).partition(".")[0]
            if server not in servers:
                yield (*path, "tools", at), unknown("tool server", server, sorted(servers))
    script = variant.get("script") if isinstance(variant, dict) else None
    if isinstance(script, str) and not (folder / script).is_file():
        yield ("script",), f"there is no file {script!r} in the scenario's folder"
    for agent, reference in mapping(variant, "prompts").items():
        file = str(reference).partition("file:")[2]
        if file and not (folder / file).is_file():
            yield ("prompts", agent), f"there is no file {file!r} beside the scenario"
        if agent in changed and mapping(changed, agent).get("instructions"):
            yield ("prompts", agent), "this agent's instructions are given under `agents` too"


def _pattern(
    document: YamlDocument, path: KeyPath, variant: Any, agents: Collection[str]
) -> list[Problem]:
    pattern = part(PATTERN, mapping(variant, "pattern"))
    if pattern is None:
        return []
    known = {**dict.fromkeys(agents), **mapping(variant, "agents")}
    return pattern_problems(document, (*path, "pattern"), pattern, known)
