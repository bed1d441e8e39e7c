"""A team's graph as its pattern declares it, and what of it ran."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from agentdyno.core.pattern import (
    Dag,
    Handoff,
    Parallel,
    Pattern,
    Pipeline,
    Reflection,
    RoundRobin,
    Selector,
    Supervisor,
    pattern_agents,
)
from agentdyno.core.trial import USER_SIMULATOR, Trial
from agentdyno.store.flowreading import FlowEvent, FlowTrial

Meaning = Literal["next", "control", "choice", "task"]
"""`next`: works after. `control`: may be handed to. `choice`: may be chosen. `task`: may be given
one. Only the first is told by the order of work, the others by steps."""

_STEPS: dict[str, Meaning] = {"handoff": "control", "selected": "choice", "delegated": "task"}


@dataclass(frozen=True, kw_only=True, order=True)
class Way:
    """One declared way from agent to agent."""

    source: str
    target: str
    meaning: Meaning = "next"
    label: str = ""
    """Its condition, or its limit."""
    back: bool = False
    """Whether it leads to an earlier agent."""


@dataclass(frozen=True, kw_only=True)
class Activation:
    """An agent at work, from its first call to its text."""

    agent: str
    started_s: float
    ended_s: float
    calls: int
    """Model calls."""
    failed: int
    """Model and tool calls that failed."""


@dataclass(kw_only=True)
class Ran:
    """What ran, over one or more trials."""

    trials: int = 0
    agents: Counter[str] = field(default_factory=Counter)
    """Trials in which an agent worked."""
    ways: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Trials in which work went from one agent to another."""
    times: Counter[str] = field(default_factory=Counter)
    """Activations of an agent, over all trials."""
    calls: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))


def declared(pattern: Pattern) -> tuple[Way, ...]:
    """Return the ways from agent to agent that `pattern` has."""
    return tuple(_ways(pattern))


def _ways(pattern: Pattern) -> Iterator[Way]:
    match pattern:
        case Pipeline(steps=steps):
            yield from (Way(source=a, target=b) for a, b in pairwise(steps))
        case RoundRobin(agents=agents):
            yield from (Way(source=a, target=b) for a, b in pairwise(agents))
            yield Way(source=agents[-1], target=agents[0], back=True,
                      label=f"until {pattern.stop.text}")
        case Selector(agents=agents, selector=selector):
            yield from (Way(source=selector, target=one, meaning="choice") for one in agents)
        case Supervisor(manager=manager, workers=workers):
            yield from (Way(source=manager, target=one, meaning="task") for one in workers)
        case Handoff(handoffs=handoffs):
            yield from (
                Way(source=source, target=target, meaning="control")
                for source, targets in handoffs.items() for target in targets
            )
        case Reflection(writer=writer, critic=critic):
            yield Way(source=writer, target=critic)
            yield Way(source=critic, target=writer, back=True,
                      label=f"until {pattern.approval}, {pattern.max_rounds} rounds at most")
        case Parallel(agents=agents, synthesizer=synthesizer):
            yield from (Way(source=one, target=synthesizer) for one in agents)
        case Dag(edges=edges):
            for edge in edges:
                label = f"if {edge.when}" if edge.when else ""
                if edge.max is not None:
                    label += f", {edge.max} times at most"
                yield Way(source=edge.source, target=edge.target, label=label,
                          back=edge.max is not None)


def agents_of(pattern: Pattern | None, ran: Ran) -> tuple[str, ...]:
    """Return the agents to draw: those of the pattern, and those that worked without it."""
    named = pattern_agents(pattern) if pattern else ()
    return tuple(dict.fromkeys([*named, *ran.agents]))


def flow_of(trial: Trial) -> FlowTrial:
    """Return what ran in a whole trial."""
    return FlowTrial(
        id=trial.id, outcome=trial.outcome.value, events=tuple(
            FlowEvent(
                kind=event.kind, agent=event.agent, started_s=event.started_s,
                ended_s=event.ended_s,
                action=event.action if event.kind == "step" else "",
                to=event.to if event.kind == "step" else "",
                failed=event.is_error if event.kind == "tool_call"
                else event.kind == "model_call" and event.error is not None,
            )
            for event in trial.events
            if event.kind in ("step", "message", "model_call", "tool_call")
        ),
    )


def activations(events: Iterable[FlowEvent]) -> tuple[Activation, ...]:
    """Return who worked when: from an agent's entry or first call to its next text."""
    done: list[Activation] = []
    working: dict[str, list[FlowEvent]] = {}

    def close(agent: str) -> None:
        seen = working.pop(agent)
        done.append(Activation(
            agent=agent, started_s=min(event.started_s for event in seen),
            ended_s=max(event.ended_s for event in seen),
            calls=sum(event.kind == "model_call" for event in seen),
            failed=sum(event.failed for event in seen),
        ))

    for event in events:
        agent = event.agent
        if not agent or agent == USER_SIMULATOR:
            continue
        if event.kind == "step":
            if event.action == "node":
                # Some runners tell of an entry after the first call that was made there.
                if any(seen.kind == "step" for seen in working.get(agent, ())):
                    close(agent)
                working.setdefault(agent, []).append(event)
        elif event.kind == "message":
            if agent in working:
                working[agent].append(event)
                close(agent)
        else:
            working.setdefault(agent, []).append(event)
    for agent in list(working):
        close(agent)
    return tuple(sorted(done, key=lambda one: (one.started_s, one.ended_s)))


def ran(trials: Sequence[FlowTrial], ways: Iterable[Way]) -> Ran:
    """Return what ran in `trials` of all that is declared."""
    found = Ran(trials=len(trials))
    sources: defaultdict[str, set[str]] = defaultdict(set)
    for way in ways:
        if way.meaning == "next":
            sources[way.target].add(way.source)
    for trial in trials:
        worked = activations(trial.events)
        for one in worked:
            found.times[one.agent] += 1
            found.calls[one.agent] += one.calls
            found.failed[one.agent] += one.failed
            found.seconds[one.agent] += one.ended_s - one.started_s
        found.agents.update({one.agent for one in worked})
        found.ways.update({*_followed(worked, sources), *_told(trial.events)})
    return found


def _followed(
    worked: Sequence[Activation], sources: dict[str, set[str]]
) -> Iterator[tuple[str, str]]:
    """Yield the ways that the order of work shows: who had worked since the agent's last turn."""
    since: dict[str, set[str]] = defaultdict(set)
    for one in worked:
        for source in since.pop(one.agent, set()) & sources.get(one.agent, set()):
            yield source, one.agent
        for target, before in sources.items():
            if one.agent in before:
                since[target].add(one.agent)


def _told(events: Iterable[FlowEvent]) -> Iterator[tuple[str, str]]:
    for event in events:
        if event.kind == "step" and event.to and event.action in _STEPS:
            yield event.agent, event.to
