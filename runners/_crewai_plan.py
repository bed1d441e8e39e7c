"""A declared graph as labels that a CrewAI flow's routers return.

Each part of the graph becomes what has to be said to begin it, worked out from the back: what
follows the last agent of a part is known when the part is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count

from agentdyno.core.graph import Choice, Flow, Fork, Loop, Node, Part, agents_of, ends

END = "end"
Counts = dict[int, int]
"""How often each loop was taken back, by its number."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What the routers of one run know."""

    taken: Counts = field(default_factory=dict)
    at_limit: Callable[[str], None]
    """Told of each loop that ended at its limit."""


Next = Callable[[Turn, str], str]
"""Returns the label that comes next, given the text of the agent that has just finished."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """Parts side by side: a label opens all of them, the last one to finish opens the next."""

    opens: str
    branches: tuple[Next, ...]
    done: tuple[str, ...]
    """What each branch says at its end."""
    then: Next
    rank: Mapping[str, int]
    """Number of the branch by agent."""


@dataclass(kw_only=True)
class Plan:
    """What a flow of a graph is made of."""

    begins: Next
    after: dict[str, Next] = field(default_factory=dict)
    """What follows each agent, which works at the label `to AGENT`."""
    sides: list[Side] = field(default_factory=list)


def plan_of(flow: Flow) -> Plan:
    """Return the plan of a graph's structure."""
    return _Planner().plan(flow)


def to(agent: str) -> str:
    """Return the label at which `agent` works."""
    return f"to {agent}"


def _always(label: str) -> Next:
    return lambda turn, text: label


class _Planner:
    def __init__(self) -> None:
        self._plan = Plan(begins=_always(END))
        self._loops = count()

    def plan(self, flow: Flow) -> Plan:
        self._plan.begins = self._flow(flow, _always(END))
        return self._plan

    def _flow(self, flow: Flow, then: Next) -> Next:
        for part in reversed(flow):
            then = self._part(part, then)
        return then

    def _part(self, part: Part, then: Next) -> Next:
        match part:
            case Node(agent=agent):
                self._plan.after[agent] = then
                return _always(to(agent))
            case Fork():
                return self._fork(part, then)
            case Choice():
                return self._choice(part, then)
            case Loop():
                return self._loop(part, then)

    def _fork(self, fork: Fork, then: Next) -> Next:
        number = len(self._plan.sides)
        opens = f"side by side {number}"
        done = tuple(f"{opens}, branch {at} done" for at in range(len(fork.branches)))
        # Kept before the branches, which may fork again and take the next number.
        self._plan.sides.append(Side(opens=opens, branches=(), done=done, then=then, rank={}))
        branches = tuple(
            self._flow(branch, _always(label))
            for branch, label in zip(fork.branches, done, strict=True)
        )
        rank = {name: at for at, branch in enumerate(fork.branches) for name in agents_of(branch)}
        self._plan.sides[number] = Side(
            opens=opens, branches=branches, done=done, then=then, rank=rank
        )
        return _always(opens)

    def _choice(self, choice: Choice, then: Next) -> Next:
        options = [(option.when, self._flow(option.flow, then)) for option in choice.options]
        otherwise = self._flow(choice.otherwise, then)

        def chosen(turn: Turn, text: str) -> str:
            taken = next((way for when, way in options if when in text), otherwise)
            return taken(turn, text)

        return chosen

    def _loop(self, loop: Loop, then: Next) -> Next:
        number = next(self._loops)
        first, last = next(agents_of(loop.body)), next(ends(loop.body))

        def check(turn: Turn, text: str) -> str:
            taken = turn.taken.get(number, 0)
            if loop.when in text and taken < loop.max:
                turn.taken[number] = taken + 1
                return begins(turn, text)
            turn.taken[number] = 0
            if loop.when in text:
                turn.at_limit(f"max of loop {last} -> {first}")
            return then(turn, text)

        begins = self._flow(loop.body, check)
        return begins
