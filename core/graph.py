"""The structure of a declared graph: which parts follow, run side by side, branch, repeat.

A `Dag` pattern is a list of edges. Some frameworks run edges as they stand, others know only nested
sequences, branches and loops; so that one graph means the same on all of them, it must be well
nested, and `structure` says what it is made of or what is wrong with it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from agentdyno.core.pattern import Dag, Edge


@dataclass(frozen=True, kw_only=True)
class Node:
    """One agent works."""

    agent: str


@dataclass(frozen=True, kw_only=True)
class Fork:
    """Parts run side by side; what follows waits for all of them."""

    branches: tuple["Flow", ...]


@dataclass(frozen=True, kw_only=True)
class Option:
    """A part that is taken when a text stands in the message of the agent before it."""

    when: str
    flow: "Flow"
    """Empty when the edge leads straight to what follows."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The first option whose text stands there, else `otherwise`."""

    options: tuple[Option, ...]
    otherwise: "Flow"


@dataclass(frozen=True, kw_only=True)
class Loop:
    """Runs `body`, and again while its last agent's message contains `when`, `max` times more at
    most."""

    body: "Flow"
    when: str
    max: int


Part = Node | Fork | Choice | Loop
Flow = tuple[Part, ...]


class GraphFault(Exception):
    """Something is wrong with a graph."""

    def __init__(self, message: str, edge: int | None = None) -> None:
        """`edge` is the position of the edge to blame; null when it is the graph as a whole."""
        super().__init__(message)
        self.edge = edge


def structure(dag: Dag) -> Flow:
    """Return the parts of `dag`, in order.

    Raises:
        GraphFault: an agent cannot be reached, a cycle has no limit, a branch has no way out, or
            the graph is not well nested.
    """
    return _Reader(dag).read()


def ends(flow: Flow) -> Iterator[str]:
    """Yield the agents that may be the last to work in `flow`."""
    if not flow:
        return
    match flow[-1]:
        case Node(agent=agent):
            yield agent
        case Loop(body=body):
            yield from ends(body)
        case Fork(branches=branches):
            yield from chain.from_iterable(map(ends, branches))
        case Choice(options=options, otherwise=otherwise):
            for part in (*(option.flow for option in options), otherwise):
                yield from ends(part)


def agents_of(flow: Flow) -> Iterator[str]:
    """Yield every agent of `flow`, in order."""
    for part in flow:
        match part:
            case Node(agent=agent):
                yield agent
            case Loop(body=body):
                yield from agents_of(body)
            case Fork(branches=branches):
                yield from chain.from_iterable(map(agents_of, branches))
            case Choice(options=options, otherwise=otherwise):
                for inner in (*(option.flow for option in options), otherwise):
                    yield from agents_of(inner)


class _Reader:
    """Reads one graph; `None` stands for the end after every last agent."""

    def __init__(self, dag: Dag) -> None:
        self._dag = dag
        self._next: dict[str, list[Edge]] = {}
        self._back: dict[str, tuple[int, Edge]] = {}
        for at, edge in enumerate(dag.edges):
            self._sort(at, edge)
        self._order: list[str] = []
        self._after: dict[str, set[str | None]] = {}
        self._seen: set[str] = set()

    def read(self) -> Flow:
        self._walk()
        for agent in reversed(self._order):
            targets = [self._after[edge.target] for edge in self._next.get(agent, ())]
            onward: set[str | None] = set.intersection(*targets) if targets else {None}
            self._after[agent] = onward | {agent}
        for at, edge in self._back.values():
            if edge.target not in self._order or edge.source not in self._after[edge.target]:
                raise GraphFault(
                    f"the way back from {edge.source!r} to {edge.target!r} does not close a"
                    f" loop: every way on from {edge.target!r} must come to {edge.source!r}",
                    at,
                )
        return self._flow(self._dag.start, None)

    def _sort(self, at: int, edge: Edge) -> None:
        if edge.max is None:
            if any(other.target == edge.target for other in self._next.get(edge.source, ())):
                raise GraphFault(
                    f"there are two edges from {edge.source!r} to {edge.target!r}", at
                )
            self._next.setdefault(edge.source, []).append(edge)
            return
        if edge.when is None:
            raise GraphFault("an edge with `max` leads back, and needs `when`", at)
        if any(other.source == edge.source or other.target == edge.target
               for _, other in self._back.values()):
            raise GraphFault(
                "an agent can begin one loop and end one; this is a second", at
            )
        self._back[edge.target] = at, edge

    def _walk(self) -> None:
        """Put the agents in topological order; raises on cycles and unreachable agents."""
        state: dict[str, bool] = {}
        for agent in self._depth_first(self._dag.start, state, []):
            self._order.insert(0, agent)
        for at, edge in enumerate(self._dag.edges):
            for agent in (edge.source, edge.target):
                if agent not in state:
                    raise GraphFault(
                        f"{agent!r} cannot be reached from {self._dag.start!r}", at
                    )

    def _depth_first(
        self, agent: str, state: dict[str, bool], way: Sequence[str]
    ) -> Iterator[str]:
        state[agent] = False
        for edge in self._next.get(agent, ()):
            if state.get(edge.target) is False:
                cycle = [*way, agent]
                names = " -> ".join([*cycle[cycle.index(edge.target):], edge.target])
                raise GraphFault(
                    f"the cycle {names} has no limit; give the edge that leads back `when`"
                    " and `max`", self._dag.edges.index(edge),
                )
            if edge.target not in state:
                yield from self._depth_first(edge.target, state, [*way, agent])
        state[agent] = True
        yield agent

    def _flow(self, agent: str | None, stop: str | None) -> Flow:
        """Return the parts from `agent` up to, and without, `stop`."""
        parts: list[Part] = []
        while agent is not None and agent != stop:
            part, last = self._part(agent)
            parts.append(part)
            rest, agent = self._onward(last)
            parts += rest
        return tuple(parts)

    def _part(self, agent: str) -> tuple[Part, str]:
        """Return what begins with `agent`, a loop or the agent alone, and its last agent."""
        if agent in self._back:
            _, edge = self._back.pop(agent)
            body = self._upto(agent, edge.source)
            assert edge.when is not None
            assert edge.max is not None
            return Loop(body=body, when=edge.when, max=edge.max), edge.source
        if agent in self._seen:
            raise GraphFault(
                f"the graph is not well nested: several ways lead to {agent!r} that should"
                " meet before it, or only after it"
            )
        self._seen.add(agent)
        return Node(agent=agent), agent

    def _upto(self, agent: str, last: str) -> Flow:
        """Return the parts from `agent` up to and with `last`."""
        before = self._flow(agent, last)
        part, _ = self._part(last)
        return (*before, part)

    def _onward(self, agent: str) -> tuple[Flow, str | None]:
        """Return the branches that follow `agent`, if any, and the agent where they meet."""
        edges = self._next.get(agent, [])
        if not edges:
            return (), None
        if len(edges) == 1 and edges[0].when is None:
            return (), edges[0].target
        meet = self._meeting(edge.target for edge in edges)
        conditional = [edge for edge in edges if edge.when is not None]
        if not conditional:
            if meet is None:
                raise GraphFault(
                    f"the parallel branches after {agent!r} never meet; add an edge from the"
                    " end of each to one agent"
                )
            if any(edge.target == meet for edge in edges):
                raise GraphFault(
                    f"the edge from {agent!r} straight to {meet!r} is no branch; remove it"
                )
            return (Fork(branches=tuple(self._flow(e.target, meet) for e in edges)),), meet
        if len(conditional) != len(edges) - 1:
            raise GraphFault(
                f"the branches after {agent!r} need exactly one edge without `when`, for"
                " when no text stands there", self._dag.edges.index(conditional[0]),
            )
        other = next(edge for edge in edges if edge.when is None)
        options = tuple(
            Option(when=e.when or "", flow=self._flow(e.target, meet)) for e in conditional
        )
        return (Choice(options=options, otherwise=self._flow(other.target, meet)),), meet

    def _meeting(self, targets: Iterable[str]) -> str | None:
        """Return the first agent that every way from `targets` comes to."""
        common = set.intersection(*(self._after[target] for target in targets))
        return next((agent for agent in self._order if agent in common), None)
