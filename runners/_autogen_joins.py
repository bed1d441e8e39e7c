"""By which agents control comes to each agent of a graph, as GraphFlow's activation groups tell it.

A group is a set of agents that must all have finished; the groups of one agent are alternatives.
Known without AutoGen, so that a graph that has no such form is refused before anything starts.
"""

from itertools import product

from agentdyno.core.graph import Choice, Flow, Fork, Loop, Node, Part, structure
from agentdyno.core.pattern import Dag

Groups = tuple[frozenset[str], ...]


class Joins:
    """The groups of every agent of one graph."""

    def __init__(self, dag: Dag) -> None:
        """
        Raises:
            GraphFault: the graph is none.
        """
        self.groups: dict[str, Groups] = {}
        """By agent; the start has no group."""
        self.unclear: list[str] = []
        """Agents whose groups share members inside a loop: of a group that was left halfway,
        GraphFlow remembers the half in the next round."""
        self._depth = 0
        self._flow(structure(dag), ())

    def _flow(self, flow: Flow, before: Groups) -> Groups:
        for part in flow:
            before = self._part(part, before)
        return before

    def _part(self, part: Part, before: Groups) -> Groups:
        match part:
            case Node(agent=agent):
                self._enter(agent, before)
                return (frozenset({agent}),)
            case Loop(body=body):
                self._depth += 1
                after = self._flow(body, before)
                self._depth -= 1
                return after
            case Fork(branches=branches):
                ends = [self._flow(branch, before) for branch in branches]
                return tuple(frozenset().union(*taken) for taken in product(*ends))
            case Choice(options=options, otherwise=otherwise):
                flows = (*(option.flow for option in options), otherwise)
                return tuple(dict.fromkeys(
                    group for flow in flows for group in self._flow(flow, before)
                ))

    def _enter(self, agent: str, groups: Groups) -> None:
        self.groups[agent] = groups
        members = [member for group in groups for member in group]
        if self._depth and len(members) > len(set(members)):
            self.unclear.append(agent)
