"""Graphs of AutoGen's GraphFlow: a chain, a fan-out, and any declared graph."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from autogen_agentchat.agents import (
    BaseChatAgent,
    MessageFilterAgent,
    MessageFilterConfig,
    PerSourceFilter,
)
from autogen_agentchat.base import Response, TaskResult
from autogen_agentchat.messages import BaseChatMessage, TextMessage
from autogen_agentchat.teams import DiGraphBuilder, GraphFlow
from autogen_core import CancellationToken

from agentdyno.core.pattern import Dag, Edge, Parallel, Pipeline, pattern_agents
from agentdyno.runners._autogen_crew import Crew, Entered
from agentdyno.runners._autogen_joins import Groups, Joins
from agentdyno.runners._autogen_play import Heard, Play, texts_of


class GraphPlay(Play):
    """Agents as nodes; GraphFlow sends every message to every participant."""

    def __init__(self, crew: Crew, agents: dict[str, str]) -> None:
        """`agents` are names by participant, who are unique where a pipeline's steps need not."""
        super().__init__(crew)
        self._agents = agents
        self.builder = DiGraphBuilder()

    def flow(self) -> GraphFlow:
        """Return the team of the graph that was built."""
        return GraphFlow(
            participants=self.builder.get_participants(), graph=self.builder.build(),
            termination_condition=self.crew.limit(), custom_message_types=[Entered],
        )

    def hear(self, item: Heard) -> None:
        """Declare nodes and texts."""
        if item.source not in self._agents:
            return
        name = self._agents[item.source]
        if isinstance(item, Entered):
            self.tell.step("node", item.source, agent=name)
        elif isinstance(item, TextMessage):
            self.tell.said(name, item.content, self.hearers(name))

    def hearers(self, name: str) -> tuple[str, ...]:
        """Return for whom an agent's text is; everybody when empty."""
        return ()


class PipelinePlay(GraphPlay):
    """A chain."""

    def __init__(self, crew: Crew, pattern: Pipeline) -> None:
        steps = pattern.steps
        super().__init__(crew, {
            step if step not in steps[:index] else f"{step}_{index + 1}": step
            for index, step in enumerate(steps)
        })
        members = [crew.member(name, participant=alias) for alias, name in self._agents.items()]
        for member in members:
            self.builder.add_node(member)
        for source, target in pairwise(members):
            self.builder.add_edge(source, target)
        self.team = self.flow()


class ParallelPlay(GraphPlay):
    """A fan-out from the user to all agents, joined by the synthesizer."""

    def __init__(self, crew: Crew, pattern: Parallel) -> None:
        super().__init__(crew, {name: name for name in pattern_agents(pattern)})
        self._synthesizer = pattern.synthesizer
        last = MessageFilterAgent(
            pattern.synthesizer, crew.member(pattern.synthesizer),
            # Messages come in the order of the sources named here, not in that of their arrival.
            MessageFilterConfig(per_source=[
                PerSourceFilter(source=source) for source in ("user", *pattern.agents)
            ]),
        )
        for name in pattern.agents:
            self.builder.add_node(crew.member(name))
        self.builder.add_node(last)
        for name in pattern.agents:
            self.builder.add_edge(name, last)
        self.team = self.flow()

    def hearers(self, name: str) -> tuple[str, ...]:
        """Return the synthesizer, the only one who works after the others."""
        return () if name == self._synthesizer else (self._synthesizer,)

    def answer(self, result: TaskResult) -> str:
        """Return the synthesizer's text."""
        return texts_of(result, self._synthesizer)[-1].content


class DagPlay(GraphPlay):
    """The declared edges, with the conditions and activation groups that they need."""

    def __init__(self, crew: Crew, pattern: Dag) -> None:
        names = pattern_agents(pattern)
        super().__init__(crew, {name: name for name in names})
        self._limits: list[str] = []
        for name in names:
            self.builder.add_node(crew.member(name))
        groups = Joins(pattern).groups
        for name in names:
            self._add_edges([e for e in pattern.edges if e.source == name], groups)
        if all(node.edges for node in self.builder.nodes.values()):
            self.builder.add_node(_End())
        self.builder.set_entry_point(pattern.start)
        self.team = self.flow()

    def hear(self, item: Heard) -> None:
        """Declare nodes, texts, and loops that came to their limit."""
        if isinstance(item, Entered):
            self._tell_limits()
        super().hear(item)

    def answer(self, result: TaskResult) -> str:
        """Return the text of the agent that worked last."""
        self._tell_limits()
        return super().answer(result)

    def _add_edges(self, edges: list[Edge], groups: dict[str, Groups]) -> None:
        router = Router(edges, self._limits.append)
        for edge in edges:
            condition = router.condition(edge)
            if edge.max is not None:
                self.builder.add_edge(
                    edge.source, edge.target, condition, f"{edge.target} again",
                )
                continue
            for number, group in enumerate(groups[edge.target]):
                if edge.source in group:
                    self.builder.add_edge(
                        edge.source, edge.target, condition, f"{edge.target} {number}",
                    )

    def _tell_limits(self) -> None:
        for limit in self._limits:
            self.tell.step("stopped", limit)
        self._limits.clear()


class Router:
    """Which edges are taken from one agent: GraphFlow asks each edge by itself."""

    def __init__(self, edges: list[Edge], limit: Callable[[str], None]) -> None:
        """`limit` is told of a way back that would be taken once too often."""
        self._onward = [edge for edge in edges if edge.max is None]
        self._back = next((edge for edge in edges if edge.max is not None), None)
        self._limit = limit
        self._times = 0
        self._message = ""
        self._taken: list[Edge] = []

    def condition(self, edge: Edge) -> Callable[[BaseChatMessage], bool] | None:
        """Return the condition of `edge`; null when every edge is always taken."""
        if self._back is None and all(other.when is None for other in self._onward):
            return None

        def taken(message: BaseChatMessage) -> bool:
            if message.id != self._message:
                self._message = message.id
                self._taken = self._choose(message.to_model_text())
            return any(other is edge for other in self._taken)

        return taken

    def _choose(self, text: str) -> list[Edge]:
        if self._back is not None and self._again(self._back, text):
            return [self._back]
        fitting = [edge for edge in self._onward if edge.when is not None and edge.when in text]
        return fitting[:1] or [edge for edge in self._onward if edge.when is None]

    def _again(self, back: Edge, text: str) -> bool:
        """Whether the way back is taken; the count begins anew whenever the loop is left."""
        wanted = back.when is not None and back.when in text
        if wanted and self._times < (back.max or 0):
            self._times += 1
            return True
        if wanted:
            self._limit(f"max of loop {back.source} -> {back.target}")
        self._times = 0
        return False


class _End(BaseChatAgent):
    """Satisfies GraphFlow's rule that some node has no edge, where every end loops back."""

    def __init__(self) -> None:
        super().__init__("end_of_graph", "no edge leads here")

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        """None."""
        return ()

    async def on_messages(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> Response:
        """Never called."""
        raise RuntimeError("the end of the graph was given work")

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        """Keep nothing."""
