"""What a scenario refers to must exist: agents, archetypes, servers, functions, files.

Works on the parts of a file that are well-formed, so that a spelling mistake in one place does not
hide a dangling reference in another.
"""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from agentdyno.agents.library import AgentLibrary
from agentdyno.core.errors import Problem
from agentdyno.core.fault import FaultSpec, ToolFault
from agentdyno.core.override import AgentOverride
from agentdyno.core.pattern import pattern_agents
from agentdyno.core.spec import ToolServer
from agentdyno.core.yamlfile import KeyPath, YamlDocument
from agentdyno.scenarios.approvalrefs import approval_problems
from agentdyno.scenarios.checknames import CHECK, CheckNames
from agentdyno.scenarios.checkrefs import unknown
from agentdyno.scenarios.modelrefs import model_reference_problems
from agentdyno.scenarios.parts import listed, mapping, part
from agentdyno.scenarios.patternrefs import PATTERN, pattern_problems, turn_problem
from agentdyno.scenarios.variantrefs import variant_problems

_FAULT: TypeAdapter[Any] = TypeAdapter(FaultSpec)
OWN_SERVERS = {"memory": "memory", "gaps": "tool report_missing_tool"}
"""Names that tool servers cannot have, and whose they are."""


class References:
    """Finds the dangling references of one scenario file."""

    def __init__(self, document: YamlDocument, folder: Path, library: AgentLibrary) -> None:
        self.document = document
        self.folder = folder
        self.library = library
        self.problems: list[Problem] = []

    @cached_property
    def _agents(self) -> dict[str, Any]:
        return mapping(self.document.data, "agents")

    @cached_property
    def _servers(self) -> dict[str, Any]:
        return mapping(self.document.data, "mcpServers")

    def find(self) -> list[Problem]:
        """Return every dangling reference, duplicate and contradiction."""
        self._check_servers()
        self._check_agents()
        self._check_patterns()
        self._check_arrangements()
        self._check_checks()
        self._check_faults()
        self._check_script()
        return [
            *self.problems, *model_reference_problems(self.document),
            *approval_problems(self.document, {*self._servers, *OWN_SERVERS}),
            *variant_problems(
                self.document, self.folder, agents=self._team(), servers=self._servers,
                archetypes=self.library.names(),
            ),
        ]

    def _add(self, path: KeyPath, message: str) -> None:
        self.problems.append(self.document.problem(path, message))

    def _known(self, path: KeyPath, what: str, name: str, choices: Iterable[str]) -> None:
        if name not in (names := sorted(choices)):
            self._add(path, unknown(what, name, names))

    def _check_servers(self) -> None:
        for name, data in self._servers.items():
            path = ("mcpServers", name)
            if name in OWN_SERVERS:
                own = OWN_SERVERS[name]
                self._add(path, f"this name is taken by agentdyno's own {own}; choose another")
            server = part(TypeAdapter(ToolServer), data)
            given = [k for k in ("command", "url", "bundled") if server and getattr(server, k)]
            if server and len(given) != 1:
                what = " and ".join(given) or "none of them"
                self._add(path, f"needs exactly one of command, url, bundled; it has {what}")

    def _check_agents(self) -> None:
        places: list[tuple[KeyPath, Any]] = [
            (("agents", name), data) for name, data in self._agents.items()
        ]
        for other, data in mapping(self.document.data, "arrangements").items():
            changed = mapping(data, "agents").items()
            places += [(("arrangements", other, "agents", name), agent) for name, agent in changed]
        for path, data in places:
            agent = part(TypeAdapter(AgentOverride), data)
            if agent is None:
                continue
            if agent.extends is not None:
                self._known(
                    (*path, "extends"), "archetype", agent.extends, self.library.names()
                )
            for at, tool in enumerate(agent.tools or ()):
                server = tool.partition(".")[0]
                self._known((*path, "tools", at), "tool server", server, self._servers)

    def _check_patterns(self) -> None:
        data = self.document.data if isinstance(self.document.data, dict) else {}
        used: set[str] = set()
        placed: list[tuple[KeyPath, Any, dict[str, Any]]] = [
            (("pattern",), data.get("pattern"), {})
        ]
        for name, other in mapping(data, "arrangements").items():
            added = mapping(other, "agents")
            placed.append((
                ("arrangements", name, "pattern"), mapping(other, "pattern"), added
            ))
        readable = True
        for path, raw, added in placed:
            pattern = part(PATTERN, raw)
            if pattern is None or not self._agents:
                readable = False
                continue
            known = {**self._agents, **added}
            self.problems += pattern_problems(self.document, path, pattern, known)
            if problem := turn_problem(pattern, data.get("user")):
                self._add(*problem)
            names = pattern_agents(pattern)
            used |= {*names}
            for name in added:
                if name not in names:
                    self._add((*path[:-1], "agents", name), "the pattern never uses this agent")
        for name in self._agents if readable else ():
            if name not in used:
                self._add(("agents", name), "no pattern uses this agent; remove it")

    def _team(self) -> tuple[str, ...]:
        pattern = part(PATTERN, mapping(self.document.data, "pattern"))
        return pattern_agents(pattern) if pattern else tuple(self._agents)

    def _check_arrangements(self) -> None:
        ids = {c.get("id") for c in listed(self.document.data, "checks") if isinstance(c, dict)}
        for name, other in mapping(self.document.data, "arrangements").items():
            script = other.get("script") if isinstance(other, dict) else None
            if isinstance(script, str) and not (self.folder / script).is_file():
                self._add(
                    ("arrangements", name, "script"),
                    f"there is no file {script!r} in the scenario's folder",
                )
            for at, check in enumerate(listed(other, "without_checks")):
                if check not in ids:
                    self._add(
                        ("arrangements", name, "without_checks", at),
                        f"the scenario has no check {check!r}",
                    )

    def _check_script(self) -> None:
        script = self.document.data.get("script") if isinstance(self.document.data, dict) else None
        if isinstance(script, str) and not (self.folder / script).is_file():
            self._add(("script",), f"there is no file {script!r} in the scenario's folder")

    def _check_faults(self) -> None:
        for at, data in enumerate(listed(self.document.data, "faults")):
            fault = part(_FAULT, data)
            if fault is None:
                continue
            if fault.agent is not None:
                self._known(("faults", at, "agent"), "agent", fault.agent, self._agents)
            if isinstance(fault, ToolFault) and fault.tool is not None:
                server = fault.tool.partition(".")[0]
                servers = {*self._servers, *OWN_SERVERS}
                self._known(("faults", at, "tool"), "tool server", server, servers)

    def _check_checks(self) -> None:
        seen: dict[str, int] = {}
        data_of_all = self.document.data if isinstance(self.document.data, dict) else {}
        names = CheckNames(
            folder=self.folder, agents={*self._agents}, servers={*self._servers},
            own_servers={*OWN_SERVERS}, reports=bool(data_of_all.get("report_missing_tools")),
            approves=data_of_all.get("approvals") is not None,
        )
        turns = listed(self.document.data, "user")
        for at, data in enumerate(listed(self.document.data, "checks")):
            path = ("checks", at)
            if isinstance(data, dict) and isinstance(data.get("id"), str):
                line = self.document.line((*path, "id"))
                if data["id"] in seen:
                    where = seen[data["id"]]
                    self._add((*path, "id"), f"check {data['id']!r} is there already, line {where}")
                seen.setdefault(data["id"], line)
            check = part(CHECK, data)
            if check is None:
                continue
            # How many turns a recording or a simulated user has is known later: `Users`.
            if turns and (getattr(check, "turn", None) or 0) > len(turns):
                self._add((*path, "turn"), f"the scenario has {len(turns)} user turns")
            for below, message in names.problems(check):
                self._add((*path, *below), message)
