"""Graphs in the CrewAI adapter: a flow made for the graph, whose routers choose what comes next.

Every agent is a listener and the router after it; `and_` makes what follows a fork wait for all of
its branches.
"""

import math
import types
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from crewai.flow.flow import and_, listen, router, start

from agentdyno.core.graph import structure
from agentdyno.core.pattern import Dag, pattern_agents
from agentdyno.runners._crewai_flows import TeamFlow, Voice, flow_of
from agentdyno.runners._crewai_plan import Plan, Side, Turn, plan_of, to
from agentdyno.runners._crewai_staff import Stage

Method = Callable[[TeamFlow], Any]


class DagTeam:
    """The agents of a graph; each hears all that was said on the ways that lead to it."""

    def __init__(self, stage: Stage, pattern: Dag) -> None:
        self._stage = stage
        self._pattern = pattern
        self._plan, self._kind = _made(pattern)
        self._voices = {name: Voice(stage, name) for name in pattern_agents(pattern)}
        self._hearers = _hearers(pattern, self._plan)
        self._turn = Turn(at_limit=self._stopped)
        self._heard: dict[str, dict[str, int]] = {}
        """Texts that each agent had heard when a fork opened."""
        self._text: dict[str, str] = {}
        self._last = ""

    async def ask(self, turn: str) -> str:
        """Return the text of the agent that works last."""
        self._turn = Turn(at_limit=self._stopped)
        for voice in self._voices.values():
            voice.hears(turn)
        rounds = math.prod(edge.max + 1 for edge in self._pattern.edges if edge.max)
        await flow_of(self._kind, self, rounds)
        return self._last

    def begins(self) -> str:
        """Return the label that begins the graph."""
        return self._plan.begins(self._turn, "")

    async def works(self, name: str) -> None:
        """Let agent `name` do its part."""
        self._stage.teller.step("node", f"work_{name}", agent=name)
        text = await self._voices[name].speaks()
        self._text[name] = self._last = text
        self._stage.teller.said(name, text, self._hearers[name])
        for hearer in self._hearers[name]:
            self._voices[hearer].hears(text, by=name)

    def after(self, name: str) -> str:
        """Return the label of what follows agent `name`."""
        return self._plan.after[name](self._turn, self._text[name])

    def forks(self, side: Side, branch: int) -> str:
        """Return the label that begins a branch."""
        heard = {name: voice.heard for name, voice in self._voices.items()}
        self._heard.setdefault(side.opens, heard)
        return side.branches[branch](self._turn, "")

    def joins(self, side: Side) -> str:
        """Return the label of what follows all branches; what they said has the pattern's order."""
        for name, since in self._heard.pop(side.opens).items():
            self._voices[name].puts_in_order(since, side.rank)
        return side.then(self._turn, "")

    def _stopped(self, by: str) -> None:
        self._stage.teller.step("stopped", by)


@lru_cache(maxsize=64)
def _made(pattern: Dag) -> tuple[Plan, type[TeamFlow]]:
    """Make the class once for all trials of a graph: it costs 20 ms."""
    plan = plan_of(structure(pattern))
    methods: dict[str, Any] = {}

    async def hear(self: TeamFlow) -> None:
        """The user has spoken."""

    async def opening(self: TeamFlow) -> str:
        return str(self.team.begins())

    methods["hear"] = start()(_named(hear, "hear"))
    methods["opening"] = router("hear")(_named(opening, "opening"))
    for name in plan.after:
        methods |= _agent(name)
    for at, side in enumerate(plan.sides):
        methods |= _side(at, side)
    body = {"__module__": __name__, **methods}
    return plan, types.new_class("DagFlow", (TeamFlow,), {}, lambda space: space.update(body))


def _agent(name: str) -> dict[str, Any]:
    async def work(self: TeamFlow) -> None:
        await self.team.works(name)

    async def after(self: TeamFlow) -> str:
        return str(self.team.after(name))

    return {
        f"work_{name}": listen(to(name))(_named(work, f"work_{name}")),
        f"after_{name}": router(f"work_{name}")(_named(after, f"after_{name}")),
    }


def _side(at: int, side: Side) -> dict[str, Any]:
    """Return a listener for each branch, for routers work one after the other, and the join."""
    methods: dict[str, Any] = {}
    for branch in range(len(side.branches)):
        methods |= _branch(f"fork_{at}_{branch}", side, branch)

    async def join(self: TeamFlow) -> str:
        return str(self.team.joins(side))

    methods[f"join_{at}"] = router(and_(*side.done))(_named(join, f"join_{at}"))
    return methods


def _branch(name: str, side: Side, branch: int) -> dict[str, Any]:
    async def opens(self: TeamFlow) -> None:
        """One more part side by side."""

    async def begins(self: TeamFlow) -> str:
        return str(self.team.forks(side, branch))

    return {
        name: listen(side.opens)(_named(opens, name)),
        f"{name}_begins": router(name)(_named(begins, f"{name}_begins")),
    }


def _named(method: Method, name: str) -> Method:
    method.__name__ = name
    method.__qualname__ = f"DagFlow.{name}"
    return method


def _hearers(pattern: Dag, plan: Plan) -> Mapping[str, tuple[str, ...]]:
    """Return by agent who hears it: all that may work after it, but none that works beside it."""
    agents = pattern_agents(pattern)
    nearest = {name: {e.target for e in pattern.edges if e.source == name} for name in agents}
    hearers: dict[str, tuple[str, ...]] = {}
    for name in agents:
        found: set[str] = set()
        new = nearest[name]
        while new:
            found |= new
            new = {after for one in new for after in nearest[one]} - found
        beside = {
            other for side in plan.sides if name in side.rank
            for other, branch in side.rank.items() if branch != side.rank[name]
        }
        hearers[name] = tuple(one for one in agents if one in found - beside - {name})
    return hearers
