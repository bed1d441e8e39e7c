"""Plays a pattern with mock agents: no framework, no model, no server."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agentdyno.core.errors import UsageError
from agentdyno.core.graph import GraphFault, structure
from agentdyno.core.pattern import Dag, Pattern, pattern_agents
from agentdyno.experiments.pytesting.mocks import MockAgent
from agentdyno.experiments.pytesting.path import Path
from agentdyno.experiments.pytesting.playing import Stage, Team
from agentdyno.experiments.pytesting.seen import Seen, numbered, shown

_PATTERN: TypeAdapter[Pattern] = TypeAdapter(Pattern)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GraphRun(Path):
    """What happened; see `Path` for the questions."""

    stages: tuple[Stage, ...]
    """Every turn that an agent took, in the order in which they began."""
    answers: tuple[str, ...]
    """The team's answer to each task."""
    stops: tuple[str, ...] = field(default=())
    """Limits that ended something before the team did."""

    def __repr__(self) -> str:
        return f"<a run of {len(self.stages)} turns>"

    @property
    def nodes(self) -> tuple[str, ...]:
        """Agents in the order in which they took their turns."""
        return tuple(stage.agent for stage in self.stages)

    @property
    def answer(self) -> str:
        """The answer to the last task."""
        return self.answers[-1]

    def said(self, text: str, *, by: str | None = None) -> Seen:
        """Ask whether the last answer contains `text`; with `by`, whether that agent ever said
        it."""
        texts = [self.answer] if by is None else [
            stage.said for stage in self.stages if stage.agent == by
        ]
        return self._on_path(any(text in one for one in texts),
                             f"{by or 'the last answer'} says {text!r}")

    def stopped(self, text: str = "") -> Seen:
        """Ask whether a limit (whose name contains `text`) ended it."""
        return self._on_path(any(text in stop for stop in self.stops), f"a limit {text} stopped it")

    def context(self) -> tuple[str, ...]:
        told = [f"{s.agent}: {shown(s.said, 200)}" for s in self.stages]
        return (*numbered("what they said:", told, "nobody spoke"),
                *(f"stopped: {stop}" for stop in self.stops))


def run_graph(
    pattern: Pattern | Mapping[str, Any] | str, agents: Iterable[MockAgent], *tasks: str
) -> GraphRun:
    """Play a pattern from a sync test; see `play_graph`."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(play_graph(pattern, agents, *tasks))
    raise UsageError("run_graph cannot wait inside an async test.", "await play_graph(...)")


async def play_graph(
    pattern: Pattern | Mapping[str, Any] | str, agents: Iterable[MockAgent], *tasks: str
) -> GraphRun:
    """Let mock agents work together as a pattern says.

    Args:
        pattern: a pattern, its keys as they stand in a scenario, or a scenario (name or path).
        agents: a mock for every agent of the pattern.
        tasks: what the user says, turn by turn; a scenario's own turns when absent.

    Raises:
        UsageError: the pattern is none, is not well nested, or agents or tasks are missing.
    """
    resolved, turns = _resolved(pattern)
    mocks = {agent.name: agent for agent in agents}
    names = pattern_agents(resolved)
    if missing := [name for name in names if name not in mocks]:
        raise UsageError(f"no mock agent for {', '.join(missing)}.", "add MockAgent(NAME, ...)")
    if strange := [name for name in mocks if name not in names]:
        raise UsageError(f"the pattern has no agent {', '.join(strange)}; it has "
                         f"{', '.join(names)}.")
    if not (tasks or turns):
        raise UsageError("no task: say what the user says.", "run_graph(pattern, agents, 'task')")
    team = Team(resolved, mocks)
    answers = [await team.answer(task) for task in tasks or turns]
    return GraphRun(stages=tuple(team.stages), answers=tuple(answers), stops=tuple(team.stops))


def _resolved(pattern: Pattern | Mapping[str, Any] | str) -> tuple[Pattern, tuple[str, ...]]:
    turns: tuple[str, ...] = ()
    if isinstance(pattern, str):
        from agentdyno.scenarios.loader import load_scenario

        loaded = load_scenario(pattern)
        pattern, turns = loaded.scenario.pattern, loaded.user_turns
    try:
        resolved = _PATTERN.validate_python(pattern)
        if isinstance(resolved, Dag):
            structure(resolved)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"this is no pattern: {where}: {first['msg']}", "see design/teams.md"
                         ) from error
    except GraphFault as error:
        raise UsageError(f"this graph cannot be played: {error}", "see design/teams.md") from error
    return resolved, turns
