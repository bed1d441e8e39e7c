"""What the checks of a scenario name must exist: agents, servers, files, functions, turns."""

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from agentdyno.core.check import (
    ApprovalCheck,
    CheckSpec,
    Computed,
    GapReportedCheck,
    JsonSchemaCheck,
    MailSentCheck,
    NumericCheck,
    SameAnswerCheck,
    SameToolCallsCheck,
    ToolsCalledCheck,
)
from agentdyno.core.checkteam import NoDuplicatesCheck, PathCheck
from agentdyno.core.checkworld import EndStateCheck, PythonCheck, SqlCheck
from agentdyno.core.yamlfile import KeyPath
from agentdyno.scenarios.checkrefs import (
    function_problems,
    json_problem,
    query_problem,
    schema_problem,
    unknown,
    user_check_problem,
)

CHECK: TypeAdapter[Any] = TypeAdapter(CheckSpec)
Found = Iterator[tuple[KeyPath, str]]


@dataclass(frozen=True, kw_only=True)
class CheckNames:
    """What there is to name."""

    folder: Path
    agents: Set[str]
    servers: Set[str]
    """Tool servers of the scenario."""
    own_servers: Set[str]
    """Tool servers that every scenario has."""
    reports: bool
    """Whether agents can report missing tools."""
    approves: bool
    """Whether somebody decides about calls."""

    def problems(self, check: Any) -> Found:
        """Yield what is wrong with one well-formed check, and where below it."""
        agent = getattr(check, "agent", None)
        if agent is not None:
            yield from self._known(("agent",), "agent", agent, self.agents)
        for where, tool in _tools(check):
            server = tool.partition(".")[0]
            yield from self._known(
                where, "tool server", server, self.servers | self.own_servers
            )
        yield from self._of_its_type(check)

    def _known(self, where: KeyPath, what: str, name: str, choices: Iterable[str]) -> Found:
        if name not in (names := sorted(choices)):
            yield where, unknown(what, name, names)

    def _of_its_type(self, check: Any) -> Found:
        match check:
            case GapReportedCheck() if not self.reports:
                yield ("type",), "no agent can report; say report_missing_tools: true"
            case ApprovalCheck() if not self.approves:
                yield ("type",), "nobody decides about calls; say who under approvals"
            case SameAnswerCheck() | SameToolCallsCheck():
                yield from self._file("recording", check.recording)
            case MailSentCheck():
                yield from self._known(("server",), "tool server", check.server, self.servers)
            case JsonSchemaCheck():
                if problem := schema_problem(check.answer_schema):
                    yield ("answer_schema", *problem[0]), problem[1]
            case NumericCheck() if isinstance(check.expected, Computed):
                for where, message in function_problems(self.folder, check.expected):
                    yield ("expected", *where), message
            case SqlCheck():
                stores = {*self.servers, "memory"}
                yield from self._known(("on",), "tool server", check.on, stores)
                if reason := query_problem(check.query):
                    yield ("query",), reason
            case EndStateCheck():
                yield from self._end_state(check)
            case PathCheck():
                yield from self._path(check)
            case PythonCheck():
                if reason := user_check_problem(self.folder, check):
                    yield ("function",), reason

    def _file(self, key: str, name: str | None) -> Found:
        if name is not None and not (self.folder / name).is_file():
            yield (key,), f"there is no file {name!r} in the scenario's folder"

    def _end_state(self, check: EndStateCheck) -> Found:
        stores = {*self.servers, "memory"}
        yield from self._known(("server",), "tool server", check.server, stores)
        yield from self._file("file", check.file)
        if check.file is not None and (reason := json_problem(self.folder / check.file)):
            yield ("file",), reason
        if check.computed is not None:
            for where, message in function_problems(self.folder, check.computed):
                yield ("computed", *where), message

    def _path(self, check: PathCheck) -> Found:
        for key in ("agents", "silent"):
            for at, name in enumerate(getattr(check, key)):
                yield from self._known((key, at), "agent", name, self.agents)
        for key in ("handoffs", "delegations"):
            for at, way in enumerate(getattr(check, key)):
                for end in ("source", "target"):
                    yield from self._known(
                        (key, at, end), "agent", getattr(way, end), self.agents
                    )


def _tools(check: Any) -> Iterator[tuple[KeyPath, str]]:
    """Yield every tool that a check names, and where."""
    match check:
        case ToolsCalledCheck():
            yield from ((("tools", at), tool) for at, tool in enumerate(check.tools))
            yield from ((("calls", at, "tool"), use.tool) for at, use in enumerate(check.calls))
            yield from ((("forbidden", at), tool) for at, tool in enumerate(check.forbidden))
        case SameToolCallsCheck():
            for at, use in enumerate(check.calls or ()):
                yield ("calls", at, "tool"), use.tool
        case NoDuplicatesCheck():
            yield from ((("tools", at), tool) for at, tool in enumerate(check.tools))
        case ApprovalCheck():
            yield ("tool",), check.tool
