"""Which runners there are: one data row each; nothing is imported until a worker starts.

Another package adds a runner with one entry point in its `pyproject.toml`:

    [project.entry-points."agentdyno.runners"]
    acme = "acme_dyno:ROW"

`acme_dyno` must import without its framework and hold

    ROW = RunnerRow(name="acme", path="acme_dyno.adapter:AcmeRunner", package="acme-agents",
                    summary="Acme's agent loop.", lock=Path(__file__).with_name("acme.txt"),
                    teamwork=TeamWork(patterns={"single": native("...", "acme.Loop")}, hook=""))

The package is installed beside agentdyno only. A worker is given its source the way it is given
agentdyno's own, so the lock lists what the adapter imports and neither of the two.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path

from agentdyno.core.errors import UsageError
from agentdyno.runners import (
    _autogen_patterns,
    _crewai_patterns,
    _langgraph_patterns,
    _openai_agents_patterns,
    _pydantic_ai_patterns,
    _windmill_patterns,
)
from agentdyno.runners.base import Runner
from agentdyno.runners.support import TeamWork

GROUP = "agentdyno.runners"
LOCKS = Path(__file__).with_name("locks")


@dataclass(frozen=True, kw_only=True)
class RunnerRow:
    """One runner, as data."""

    name: str
    """Name on the command line, in tables and as `Runner.name`."""
    path: str
    """Dotted path of the Runner class, `package.module:Class`; imported in workers only."""
    package: str
    """Distribution whose version is the runner's version."""
    summary: str
    """One line for lists."""
    lock: Path
    """Requirements lock of the worker's environment; `NAME.in` beside it is what it was
    compiled from, and what another version of `package` is compiled from."""

    teamwork: TeamWork
    """Which patterns it executes, and how; the adapter's `patterns` is the same."""

    @property
    def requirements(self) -> Path:
        """Return the file that the lock was compiled from."""
        return self.lock.with_suffix(".in")


def _row(name: str, path: str, package: str, teamwork: TeamWork, summary: str) -> RunnerRow:
    return RunnerRow(
        name=name, path=f"agentdyno.runners.{path}", package=package, summary=summary,
        lock=LOCKS / f"{name}.txt", teamwork=teamwork,
    )


_BUNDLED = (
    _row("autogen", "autogen:AutoGenRunner", "autogen-agentchat",
         _autogen_patterns.TEAMWORK,
         "AutoGen AgentChat: AssistantAgent and its teams."),
    _row("crewai", "crewai:CrewAIRunner", "crewai",
         _crewai_patterns.TEAMWORK,
         "CrewAI: agents and tasks in a Crew."),
    _row("langgraph", "langgraph:LangGraphRunner", "langgraph",
         _langgraph_patterns.TEAMWORK,
         "LangGraph: LangChain agents as nodes of a StateGraph."),
    _row("openai_agents", "openai_agents:OpenAIAgentsRunner", "openai-agents",
         _openai_agents_patterns.TEAMWORK,
         "OpenAI Agents SDK: Agent and Runner."),
    _row("pydantic_ai", "pydantic_ai:PydanticAIRunner", "pydantic-ai-slim",
         _pydantic_ai_patterns.TEAMWORK,
         "Pydantic AI: Agent with message history."),
    _row("windmill", "windmill:WindmillRunner", "pydantic-ai-slim",
         _windmill_patterns.TEAMWORK,
         "Windmill-style OpenFlow documents with Pydantic AI agents as steps."),
)
RUNNERS: dict[str, RunnerRow] = {row.name: row for row in _BUNDLED}
"""The bundled runners by name."""


def list_runners() -> tuple[RunnerRow, ...]:
    """Return all rows by name, bundled ones and those of installed packages.

    Raises:
        UsageError: an entry point is not a RunnerRow of its own name, or takes a bundled name.
    """
    rows = dict(RUNNERS)
    for point in metadata.entry_points(group=GROUP):
        rows[point.name] = _third_party(point, rows)
    return tuple(rows[name] for name in sorted(rows))


def find_runner(name: str) -> RunnerRow:
    """Return the row of runner `name`.

    Raises:
        UsageError: there is no such runner; the hint names the nearest one.
    """
    if name in RUNNERS:
        return RUNNERS[name]
    rows = {row.name: row for row in list_runners()}
    if name in rows:
        return rows[name]
    raise UsageError(f"there is no runner named {name!r}.", _nearest(name, rows))


def load_runner(path: str) -> type[Runner]:
    """Import the class at dotted `path`; whatever the import raises passes through."""
    module, _, attribute = path.partition(":")
    loaded: type[Runner] = getattr(import_module(module), attribute)
    return loaded


def _third_party(point: metadata.EntryPoint, taken: dict[str, RunnerRow]) -> RunnerRow:
    owner = point.dist.name if point.dist else "an unknown package"
    hint = f"uninstall or upgrade {owner}, whose entry point this is"
    if point.name in taken:
        raise UsageError(f"the runner {point.name!r} of {owner} takes a name already in use.", hint)
    row = point.load()
    if not isinstance(row, RunnerRow) or row.name != point.name:
        raise UsageError(f"{point.value} of {owner} is no RunnerRow named {point.name!r}.", hint)
    return row


def _nearest(name: str, names: Iterable[str]) -> str:
    known = sorted(names)
    close = difflib.get_close_matches(name.replace("-", "_").lower(), known, n=1, cutoff=0.5)
    listed = "runners are " + ", ".join(known)
    return f"use {close[0]} ({listed})" if close else listed
