"""Documents of declared graphs: branchall for what runs side by side, branchone for branches,
whileloopflow for loops.

An agent is told the task and the texts of the agents before it, of those that worked; when a loop
comes back to it, the texts of the others in the loop. Agents side by side do not see each other.
"""

from collections.abc import Iterable

from agentdyno.core.graph import Choice, Flow, Fork, Loop, Node, Part, agents_of, ends, structure
from agentdyno.core.pattern import Dag
from agentdyno.core.trial import Assignment
from agentdyno.runners.openflow.generate_parts import (
    TASK,
    Ending,
    Json,
    TeamFlow,
    agent_module,
    contains,
    first_or_again,
    joined,
    side_by_side,
    while_loop,
    wrote,
)

Names = tuple[str, ...]


def dag_flow(assignment: Assignment, pattern: Dag) -> TeamFlow:
    """Return the graph as nested modules; the flow's result is that of the last agent."""
    writer = _Writer(assignment)
    modules = writer.flow(structure(pattern), (), ())
    return TeamFlow(
        modules=modules, agents={name: name for name in writer.reads}, hears=writer.hears(),
        ends=writer.ends,
    )


class _Writer:
    """Writes the modules of one graph. A module's id is its agent's name: each stands there once.
    """

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self.reads: dict[str, Names] = {}
        """Whose texts each agent is told."""
        self.ends: dict[str, Ending] = {}

    def hears(self) -> dict[str, Names]:
        """Return who is told what each agent writes, as far as anybody is."""
        return {
            name: tuple(other for other, read in self.reads.items() if name in read)
            for name in self.reads
        }

    def flow(self, flow: Flow, before: Names, loop: Names) -> list[Json]:
        """Return the modules of `flow`, which agents `before` worked before, and which stands in
        a loop with agents `loop`."""
        modules = []
        last = ""
        for part in flow:
            modules.append(self._part(part, before, loop, last))
            before = (*before, *agents_of((part,)))
            last = next(ends((part,)))
        return modules

    def _part(self, part: Part, before: Names, loop: Names, last: str) -> Json:
        match part:
            case Node(agent=agent):
                return self._agent(agent, before, loop)
            case Loop():
                return self._loop(part, before, loop)
            case Fork(branches=branches):
                return self._fork(branches, before, loop, last)
            case Choice():
                return self._choice(part, before, loop, last)

    def _agent(self, agent: str, before: Names, loop: Names) -> Json:
        others = tuple(other for other in loop if other != agent)
        self.reads[agent] = tuple(dict.fromkeys((*before, *others)))
        message = joined([TASK, *_texts(before)])
        if loop:
            message = first_or_again(agent, message, joined(_texts(others) or [TASK]))
        return agent_module(self._assignment, agent, agent, message)

    def _loop(self, part: Loop, before: Names, loop: Names) -> Json:
        names = tuple(agents_of(part.body))
        modules = self.flow(part.body, before, loop or names)
        last = tuple(ends(part.body))[-1]
        if modules[-1]["id"] != last:  # the body ends in a loop, whose stop is its own
            modules.append({"id": f"again-{last}", "value": {"type": "identity"}})
        over = f"!{contains(f'results.{last}.output', part.when)}"
        modules[-1]["stop_after_if"] = {"expr": f"{over} || flow_input.iter.index >= {part.max}"}
        self.ends[modules[-1]["id"]] = Ending(step=last, name=lambda agent, text: (
            f"max of loop {last} -> {names[0]}" if part.when in text else ""
        ))
        return while_loop(f"loop-{names[0]}", modules)

    def _fork(self, branches: Iterable[Flow], before: Names, loop: Names, last: str) -> Json:
        branches = tuple(branches)
        inside = set(agents_of((Fork(branches=branches),)))
        written = []
        for branch in branches:
            own = set(agents_of(branch))
            seen = tuple(name for name in loop if name in own or name not in inside)
            written.append(self.flow(branch, before, seen))
        return side_by_side(f"fork-{last}", written)

    def _choice(self, part: Choice, before: Names, loop: Names, last: str) -> Json:
        branches = [
            {"expr": contains(f"results.{last}.output", option.when),
             "modules": self.flow(option.flow, before, loop)}
            for option in part.options
        ]
        return {"id": f"choice-{last}", "value": {
            "type": "branchone", "branches": branches,
            "default": self.flow(part.otherwise, before, loop),
        }}


def _texts(agents: Names) -> list[str]:
    return [wrote(agent, agent) for agent in agents]
