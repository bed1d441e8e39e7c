"""Questions about which nodes ran, how often and in which order."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

from agentdyno.experiments.pytesting.seen import Seen, numbered

Stage = str | Collection[str]
"""A node, or nodes whose order among themselves is free because they ran side by side."""


class Path(ABC):
    """Something that knows its `nodes`, in the order in which they began."""

    @property
    @abstractmethod
    def nodes(self) -> tuple[str, ...]:
        """Names of the nodes that ran, once for each time."""

    def ran(self, *stages: Stage) -> Seen:
        """Ask whether exactly these nodes ran, in this order; a set stands for any order."""
        nodes, at, holds = self.nodes, 0, True
        for stage in stages:
            wanted = [stage] if isinstance(stage, str) else list(stage)
            holds = holds and sorted(nodes[at:at + len(wanted)]) == sorted(wanted)
            at += len(wanted)
        words = ", then ".join(_words(stage) for stage in stages) or "nothing"
        return self._on_path(holds and at == len(nodes), f"what ran is {words}")

    def ran_times(self, node: str, times: int) -> Seen:
        """Ask whether `node` ran exactly `times` times."""
        count = self.nodes.count(node)
        return self._on_path(count == times, f"{node} ran {times} times (it ran {count} times)")

    def ran_before(self, first: str, then: str) -> Seen:
        """Ask whether both ran, and `first` had begun before `then` did for the first time."""
        nodes = self.nodes
        holds = first in nodes and then in nodes and nodes.index(first) < nodes.index(then)
        return self._on_path(holds, f"{first} ran before {then}")

    def _on_path(self, holds: bool, question: str) -> Seen:
        lines = (*path_lines(self.nodes), *self.context())
        return Seen(holds=holds, question=question, evidence=lines)

    def context(self) -> tuple[str, ...]:
        """Return what every failure shows."""
        return ()


def path_lines(nodes: Sequence[str]) -> tuple[str, ...]:
    """Return the nodes as evidence."""
    return numbered("the nodes that ran:", nodes, "no node ran")


def _words(stage: Stage) -> str:
    return stage if isinstance(stage, str) else " with ".join(sorted(stage))
