"""How a team works together: the nine patterns, framework-neutral.

Every agent that a pattern names is an agent of the scenario. Those that only coordinate (who speaks
next, who does what, what it all comes to) are agents too, so that their calls carry a name of their
own and the price of coordination can be told: see `coordinators`.
"""

from typing import Annotated, Literal

from pydantic import Field

from agentdyno.core.noun import Noun
from agentdyno.core.spec import Name

Members = Annotated[tuple[Name, ...], Field(min_length=2)]


class Single(Noun):
    """One agent answers every user turn."""

    type: Literal["single"] = "single"
    agent: Name
    """The agent that answers."""


class Pipeline(Noun):
    """Agents work one after the other; each sees the task and what the ones before it wrote."""

    type: Literal["pipeline"] = "pipeline"
    steps: tuple[Name, ...] = Field(min_length=1)
    """Agents in order; the last one's text is the answer."""


class Stop(Noun):
    """When a conversation ends before its limit."""

    text: str = Field(min_length=1)
    """Text that ends it as soon as a message contains it, letter by letter."""
    by: tuple[Name, ...] = ()
    """Agents whose messages count; every agent's when empty."""


class RoundRobin(Noun):
    """A group chat in a fixed order: everybody hears everybody, the last message is the answer."""

    type: Literal["round_robin"] = "round_robin"
    agents: Members
    """Speakers, in order; after the last one the first speaks again."""
    stop: Stop
    """When the conversation ends."""
    max_messages: int = Field(default=20, ge=1, le=1000)
    """Messages of agents after which it ends without a stop; the last one is the answer."""


class Selector(Noun):
    """A group chat in which a model chooses the next speaker; the last message is the answer."""

    type: Literal["selector"] = "selector"
    agents: Members
    """Who may be chosen."""
    selector: Name
    """Agent that stands for the choosing model; it never speaks."""
    stop: Stop
    """When the conversation ends."""
    max_messages: int = Field(default=20, ge=1, le=1000)
    """Messages of agents after which it ends without a stop; the last one is the answer."""
    allow_repeated_speaker: bool = False
    """Whether the one who spoke last may be chosen again."""


class Supervisor(Noun):
    """A manager gives tasks to workers, collects what they found, and answers."""

    type: Literal["supervisor"] = "supervisor"
    manager: Name
    """Agent that delegates and answers; its `max_turns` bounds the work."""
    workers: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Agents that do the work."""


class Handoff(Noun):
    """The active agent answers or passes control; who has it at the end of a turn keeps it."""

    type: Literal["handoff"] = "handoff"
    start: Name
    """Agent that is active first."""
    handoffs: dict[Name, tuple[Name, ...]] = Field(min_length=1)
    """To whom each agent may pass control; an agent that is absent passes to nobody."""
    max_handoffs: int = Field(default=10, ge=1, le=1000)
    """Times that control may pass in one user turn; one more ends the trial at its limit."""


class Reflection(Noun):
    """A writer writes, a critic approves or objects, the writer mends; the writer's last text is
    the answer."""

    type: Literal["reflection"] = "reflection"
    writer: Name
    """Agent whose text is the answer."""
    critic: Name
    """Agent that approves or objects."""
    approval: str = Field(default="APPROVED", min_length=1)
    """Text by which the critic approves, letter by letter."""
    max_rounds: int = Field(default=3, ge=1, le=100)
    """Texts of the writer, each with the critic's word on it, after which it ends unapproved."""


class Parallel(Noun):
    """Agents work on the same task side by side; another one makes one answer of what they
    wrote."""

    type: Literal["parallel"] = "parallel"
    agents: Members
    """Who works side by side; none of them sees the others."""
    synthesizer: Name
    """Agent that sees the task and every text, and answers."""


class Edge(Noun):
    """What comes after an agent. See `core/graph.py` for what a graph must be like."""

    source: Name
    """Agent that has finished."""
    target: Name
    """Agent that comes next. Several edges without `when` from one agent: all of them, side by
    side; the agent in which they meet again waits for all."""
    when: str | None = Field(default=None, min_length=1)
    """Text that must stand in the finished agent's message, letter by letter. The first edge whose
    text stands there is taken; the one without `when` is taken when none does."""
    max: int | None = Field(default=None, ge=1, le=100)
    """Makes it an edge back to an earlier agent, which is taken this often at most; then the other
    edges count."""


class Dag(Noun):
    """A declared graph of agents with branches, loops and parallel parts."""

    type: Literal["dag"] = "dag"
    start: Name
    """Agent that works first."""
    edges: tuple[Edge, ...] = Field(min_length=1)
    """What follows what; agents without an edge from them are ends, whose text is the answer."""


Pattern = Annotated[
    Single | Pipeline | RoundRobin | Selector | Supervisor | Handoff | Reflection | Parallel | Dag,
    Field(discriminator="type"),
]
PATTERNS: tuple[str, ...] = (
    "single", "pipeline", "round_robin", "selector", "supervisor", "handoff", "reflection",
    "parallel", "dag",
)


def pattern_agents(pattern: Pattern) -> tuple[str, ...]:
    """Return the names of the agents that `pattern` mentions, in order of first mention."""
    match pattern:
        case Single():
            names = [pattern.agent]
        case Pipeline():
            names = [*pattern.steps]
        case RoundRobin():
            names = [*pattern.agents]
        case Selector():
            names = [*pattern.agents, pattern.selector]
        case Supervisor():
            names = [pattern.manager, *pattern.workers]
        case Handoff():
            passed = [name for row in pattern.handoffs.items() for name in (row[0], *row[1])]
            names = [pattern.start, *passed]
        case Reflection():
            names = [pattern.writer, pattern.critic]
        case Parallel():
            names = [*pattern.agents, pattern.synthesizer]
        case Dag():
            edges = [name for edge in pattern.edges for name in (edge.source, edge.target)]
            names = [pattern.start, *edges]
    return tuple(dict.fromkeys(names))


def coordinators(pattern: Pattern) -> tuple[str, ...]:
    """Return the agents whose calls are the price of coordination, not work on the task."""
    match pattern:
        case Selector():
            return (pattern.selector,)
        case Supervisor():
            return (pattern.manager,)
        case Parallel():
            return (pattern.synthesizer,)
    return ()
