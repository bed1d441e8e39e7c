"""Declared graphs in LangGraph: an edge becomes an edge.

All agents share one list of messages: each sees the task and what was said and called in the
supersteps before its own, by agents of other branches too. Branches that run side by side advance
superstep by superstep; the agent in which they meet waits for the last of each.
"""

import operator
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from agentdyno.core.graph import Choice, Flow, Fork, Loop, Node, structure
from agentdyno.core.pattern import Dag
from agentdyno.runners._langgraph_parts import Play, Seat, Work, node


class DagState(Work):
    """State of a declared graph."""

    again: Annotated[dict[str, int], operator.or_]
    """How often each loop has gone back since it was entered, by the place that repeats it."""


def dag(seats: dict[str, Seat], pattern: Dag) -> Any:
    """Return the graph that `pattern` declares."""
    wiring = _Wiring(seats)
    flow = structure(pattern)
    last = wiring.flow(flow)
    wiring.builder.add_edge(START, _first(flow))
    wiring.builder.add_edge(last, END)
    return wiring.builder.compile()


def _first(flow: Flow) -> str:
    """Return the agent that `flow` begins with: every edge leads to one."""
    part = flow[0]
    if isinstance(part, Loop):
        return _first(part.body)
    assert isinstance(part, Node)
    return part.agent


def _last(flow: Flow) -> str:
    """Return the agent that ends a loop's body, or stands before a branch."""
    part = flow[-1]
    if isinstance(part, Loop):
        return _last(part.body)
    assert isinstance(part, Node)
    return part.agent


class _Wiring:
    """Adds the nodes and edges of one graph; places that are no agent's join or repeat."""

    def __init__(self, seats: dict[str, Seat]) -> None:
        self.builder = StateGraph(DagState, context_schema=Play)
        self._seats = seats

    def flow(self, flow: Flow) -> str:
        """Add all parts of `flow`; returns the place where it ends."""
        place = ""
        for at, part in enumerate(flow):
            match part:
                case Node(agent=agent):
                    self.builder.add_node(agent, node(self._seats[agent], staged=True))
                    self._onward(place, agent)
                    place = agent
                case Loop():
                    end = self._loop(part)
                    self._onward(place, _first(part.body))
                    place = end
                case Fork():
                    place = self._fork(part, place)
                case Choice():
                    place = self._choice(part, place, _last(flow[:at]))
        return place

    def _onward(self, place: str, agent: str) -> None:
        if place:
            self.builder.add_edge(place, agent)

    def _loop(self, loop: Loop) -> str:
        """Add the body and, behind it, the place where it is repeated or left."""
        inner = self.flow(loop.body)
        first, last = _first(loop.body), _last(loop.body)
        place, onward = f"{last} -> {first}?", f"after {last} -> {first}"

        def repeat(state: DagState, runtime: Runtime[Play]) -> Command[Any]:
            taken = state["again"].get(place, 0)
            if loop.when in _text_of(state, last):
                if taken < loop.max:
                    return Command(goto=first, update={"again": {place: taken + 1}})
                runtime.context.teller.step("stopped", f"max of loop {last} -> {first}")
            return Command(goto=onward, update={"again": {place: 0}})

        self.builder.add_node(place, repeat, destinations=(first, onward))
        self.builder.add_node(onward, _pass)
        self.builder.add_edge(inner, place)
        return onward

    def _fork(self, fork: Fork, place: str) -> str:
        ends = []
        for branch in fork.branches:
            ends.append(self.flow(branch))
            self.builder.add_edge(place, _first(branch))
        joined = f"after {place}"
        self.builder.add_node(joined, _pass)
        self.builder.add_edge(ends, joined)
        return joined

    def _choice(self, choice: Choice, place: str, last: str) -> str:
        met = f"after {place}"
        self.builder.add_node(met, _pass)

        def entry(flow: Flow) -> str:
            if not flow:
                return met
            self.builder.add_edge(self.flow(flow), met)
            return _first(flow)

        options = [(option.when, entry(option.flow)) for option in choice.options]
        otherwise = entry(choice.otherwise)

        def route(state: DagState) -> str:
            text = _text_of(state, last)
            return next((target for when, target in options if when in text), otherwise)

        self.builder.add_conditional_edges(
            place, route, [*(target for _, target in options), otherwise]
        )
        return met


def _text_of(state: DagState, agent: str) -> str:
    return next(text for speaker, text in reversed(state["said"]) if speaker == agent)


def _pass(state: DagState) -> dict[str, Any]:
    return {}
