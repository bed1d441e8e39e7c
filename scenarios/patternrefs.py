"""Whom a pattern names must be there, once, and in a place that makes sense."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from agentdyno.core.errors import Problem
from agentdyno.core.graph import GraphFault, structure
from agentdyno.core.pattern import (
    Dag,
    Handoff,
    Parallel,
    Pattern,
    Pipeline,
    Reflection,
    RoundRobin,
    Selector,
    Single,
    Supervisor,
    pattern_agents,
)
from agentdyno.core.yamlfile import KeyPath, YamlDocument
from agentdyno.scenarios.checkrefs import unknown

PATTERN: TypeAdapter[Any] = TypeAdapter(Pattern)
MANY_TURNS = ("single", "handoff")
"""Patterns that can hear the user more than once."""

Found = Iterator[tuple[KeyPath, str]]
"""Where below the pattern, and what is wrong there."""


def pattern_problems(
    document: YamlDocument, path: KeyPath, pattern: Pattern, agents: Iterable[str]
) -> list[Problem]:
    """Return what is wrong with `pattern`, which stands at `path` of `document`.

    Args:
        agents: names of the scenario's agents.
    """
    known = tuple(agents)
    dangling = [
        (where, unknown("agent", name, known))
        for where, name in _places(pattern) if name not in known
    ]
    return [
        document.problem((*path, *where), message)
        for where, message in (*dangling, *_faults(pattern))
    ]


def turn_problem(pattern: Pattern, user: Any) -> tuple[KeyPath, str] | None:
    """Return what is wrong with the turns of `user`, as they stand in the file."""
    if pattern.type in MANY_TURNS:
        return None
    many = " or ".join(MANY_TURNS)
    if isinstance(user, list) and len(user) > 1:
        return ("user", 1), f"{pattern.type} takes one user turn; for more use pattern {many}"
    if isinstance(user, Mapping):
        return ("user",), f"{pattern.type} takes one user turn, as text; for more use {many}"
    return None


def _places(pattern: Pattern) -> Iterator[tuple[KeyPath, str]]:
    """Yield every agent that the pattern names, with its place below the pattern."""
    match pattern:
        case Single():
            yield ("agent",), pattern.agent
        case Pipeline():
            yield from _listed("steps", pattern.steps)
        case RoundRobin() | Selector():
            yield from _listed("agents", pattern.agents)
            if isinstance(pattern, Selector):
                yield ("selector",), pattern.selector
            yield from (
                (("stop", "by", at), name) for at, name in enumerate(pattern.stop.by)
            )
        case Supervisor():
            yield ("manager",), pattern.manager
            yield from _listed("workers", pattern.workers)
        case Handoff():
            yield ("start",), pattern.start
            for agent, targets in pattern.handoffs.items():
                yield ("handoffs", agent), agent
                yield from (
                    (("handoffs", agent, at), name) for at, name in enumerate(targets)
                )
        case Reflection():
            yield ("writer",), pattern.writer
            yield ("critic",), pattern.critic
        case Parallel():
            yield from _listed("agents", pattern.agents)
            yield ("synthesizer",), pattern.synthesizer
        case Dag():
            yield ("start",), pattern.start
            for at, edge in enumerate(pattern.edges):
                yield ("edges", at, "source"), edge.source
                yield ("edges", at, "target"), edge.target


def _listed(key: str, names: tuple[str, ...]) -> Iterator[tuple[KeyPath, str]]:
    yield from (((key, at), name) for at, name in enumerate(names))


def _faults(pattern: Pattern) -> Found:
    """Yield what is wrong although every agent is there."""
    match pattern:
        case Pipeline():
            yield from _twice("steps", pattern.steps, "is a step already; give the second step its"
                              " own agent")
        case RoundRobin():
            yield from _twice("agents", pattern.agents, "is in the round already")
            yield from _outside(pattern.stop.by, pattern.agents)
        case Selector():
            yield from _twice("agents", pattern.agents, "may be chosen already")
            yield from _outside(pattern.stop.by, pattern.agents)
            if pattern.selector in pattern.agents:
                yield ("selector",), f"{pattern.selector!r} chooses and cannot be chosen too"
        case Supervisor():
            yield from _twice("workers", pattern.workers, "is a worker already")
            if pattern.manager in pattern.workers:
                yield ("manager",), f"{pattern.manager!r} manages and cannot be a worker too"
        case Handoff():
            yield from _handoff_faults(pattern)
        case Reflection(writer=writer, critic=critic) if writer == critic:
            yield ("critic",), "the critic must be another agent than the writer"
        case Parallel():
            yield from _twice("agents", pattern.agents, "works already")
            if pattern.synthesizer in pattern.agents:
                yield ("synthesizer",), (
                    f"{pattern.synthesizer!r} sees what the others wrote and cannot be one of them"
                )
        case Dag():
            try:
                structure(pattern)
            except GraphFault as fault:
                yield ("edges",) if fault.edge is None else ("edges", fault.edge), str(fault)


def _handoff_faults(pattern: Handoff) -> Found:
    reached = {pattern.start}
    while True:
        onward = {name for agent in reached for name in pattern.handoffs.get(agent, ())}
        if onward <= reached:
            break
        reached |= onward
    for agent, targets in pattern.handoffs.items():
        for at, name in enumerate(targets):
            if name == agent:
                yield ("handoffs", agent, at), f"{agent!r} cannot pass control to itself"
            elif name in targets[:at]:
                yield ("handoffs", agent, at), f"{name!r} is there already"
    for agent in pattern_agents(pattern):
        if agent not in reached:
            yield ("handoffs", agent), f"control never comes to {agent!r} from {pattern.start!r}"


def _twice(key: str, names: tuple[str, ...], what: str) -> Found:
    for at, name in enumerate(names):
        if name in names[:at]:
            yield (key, at), f"{name!r} {what}"


def _outside(speakers: tuple[str, ...], agents: tuple[str, ...]) -> Found:
    for at, name in enumerate(speakers):
        if name not in agents:
            yield ("stop", "by", at), f"{name!r} does not speak in this conversation"
