"""Graphs of agents in pydantic-graph; who sees what is in `_pydantic_ai_chat.py`.

What an agent of a declared graph hears is what was said on the ways that lead to it: that is what
flows along the edges, and a join puts the branches' texts one after the other, in their order.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from pydantic_graph import GraphBuilder, reduce_list_append

from agentdyno.core.graph import Choice, Flow, Fork, Loop, Node, structure
from agentdyno.core.pattern import Dag, Parallel, Reflection
from agentdyno.runners._pydantic_ai_chat import Said, Table
from agentdyno.runners._pydantic_ai_team import Talk, Team


class Context(Protocol):
    """pydantic-graph's StepContext, as its steps use it here."""

    state: Table
    inputs: Any


def _builder() -> Any:
    return GraphBuilder(
        state_type=Table, input_type=list, output_type=list, auto_instrument=False
    )


async def _texts(team: Team, talk: Talk, turn: str, build: Callable[[Team], Any]) -> list[Said]:
    """Run the team's graph on the task; returns what it ends with."""
    team.graph = team.graph or build(team)
    said: list[Said] = await team.graph.run(
        state=Table(team, talk, turn), inputs=[], infer_name=False
    )
    return said


async def reflection(team: Team, talk: Talk, turn: str) -> str:
    """Have the writer write and mend until the critic approves; returns the writer's last text."""
    said = await _texts(team, talk, turn, _reflection)
    return said[-2].text


def _reflection(team: Team) -> Any:
    pattern = team.pattern
    assert isinstance(pattern, Reflection)
    writer, critic = pattern.writer, pattern.critic
    graph = _builder()

    async def write(context: Context) -> list[Said]:
        said = context.inputs
        number = 1 + len(said) // 2
        context.state.talk.teller.step("round", f"round {number}", round=number)
        return [*said, await context.state.speak(writer, said, (critic,))]

    async def review(context: Context) -> tuple[bool, list[Said]]:
        said = [*context.inputs, await context.state.speak(critic, context.inputs, (writer,))]
        teller = context.state.talk.teller
        if pattern.approval in said[-1].text:
            teller.step("stopped", "approval", agent=critic)
            return True, said
        if len(said) // 2 >= pattern.max_rounds:
            teller.step("stopped", "max_rounds")
            return True, said
        return False, said

    writing = graph.step(write, node_id=writer)
    reviewing = graph.step(review, node_id=critic)
    graph.add(
        graph.edge_from(graph.start_node).to(writing),
        graph.edge_from(writing).to(reviewing),
        graph.edge_from(reviewing).to(_either(graph, "approved", graph.end_node, writing)),
    )
    return graph.build()


def _either(graph: Any, name: str, yes: Any, no: Any) -> Any:
    """Return a decision on (bool, texts), which hands the texts on."""

    def second(context: Context) -> Any:
        return context.inputs[1]

    return (
        graph.decision(node_id=f"{name}?")
        .branch(graph.match(object, matches=lambda found: found[0]).transform(second).to(yes))
        .branch(graph.match(object).transform(second).to(no))
    )


async def parallel(team: Team, talk: Talk, turn: str) -> str:
    """Have all agents work side by side, and one make an answer of it."""
    return (await _texts(team, talk, turn, _parallel))[-1].text


def _parallel(team: Team) -> Any:
    pattern = team.pattern
    assert isinstance(pattern, Parallel)
    graph = _builder()

    async def synthesize(context: Context) -> list[Said]:
        name = pattern.synthesizer
        context.state.talk.teller.step("node", name, agent=name)
        said = sorted(context.inputs, key=lambda each: pattern.agents.index(each.agent))
        return [*said, await context.state.speak(name, said)]

    def worker(name: str) -> Any:
        async def work(context: Context) -> Said:
            context.state.talk.teller.step("node", name, agent=name)
            return await context.state.speak(name, [], (pattern.synthesizer,))

        return graph.step(work, node_id=name)

    workers = [worker(name) for name in pattern.agents]
    joined = graph.join(reduce_list_append, initial_factory=list, node_id="join")
    synthesis = graph.step(synthesize, node_id=pattern.synthesizer)
    graph.add(
        graph.edge_from(graph.start_node).to(*workers),
        graph.edge_from(*workers).to(joined),
        graph.edge_from(joined).to(synthesis),
        graph.edge_from(synthesis).to(graph.end_node),
    )
    return graph.build()


async def dag(team: Team, talk: Talk, turn: str) -> str:
    """Have the declared graph run; returns the text of the agent that worked last."""
    return (await _texts(team, talk, turn, _dag))[-1].text


def _dag(team: Team) -> Any:
    assert isinstance(team.pattern, Dag)
    graph = _builder()
    first = _Wiring(graph).flow(structure(team.pattern), graph.end_node)
    graph.add(graph.edge_from(graph.start_node).to(first))
    return graph.build()


class _Wiring:
    """Adds steps and edges from the end to the start, so that what follows is always there."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._places = 0

    def flow(self, flow: Flow, after: Any) -> Any:
        """Add all parts of `flow`, which `after` follows; returns where it begins."""
        for part in reversed(flow):
            match part:
                case Node(agent=agent):
                    after = self._step(agent, _works(agent), after)
                case Loop():
                    after = self._loop(part, after)
                case Fork():
                    after = self._fork(part, after)
                case Choice():
                    after = self._choice(part, after)
        return after

    def _step(self, name: str, call: Any, after: Any) -> Any:
        step = self._graph.step(call, node_id=name)
        self._graph.add(self._graph.edge_from(step).to(after))
        return step

    def _named(self, what: str) -> str:
        self._places += 1
        return f"{what} {self._places}"

    def _loop(self, loop: Loop, after: Any) -> Any:
        name = self._named("again")

        async def repeat(context: Context) -> tuple[bool, list[Said]]:
            table, said = context.state, context.inputs
            taken = table.again.pop(name, 0)
            if loop.when not in said[-1].text:
                return False, said
            if taken < loop.max:
                table.again[name] = taken + 1
                return True, said
            back = f"{said[-1].agent} -> {_first(loop.body)}"
            table.talk.teller.step("stopped", f"max of loop {back}")
            return False, said

        repeating = self._graph.step(repeat, node_id=name)
        body = self.flow(loop.body, repeating)
        self._graph.add(
            self._graph.edge_from(repeating).to(_either(self._graph, name, body, after))
        )
        return body

    def _choice(self, choice: Choice, after: Any) -> Any:
        decision = self._graph.decision(node_id=self._named("choice"))
        for option in choice.options:
            match = self._graph.match(object, matches=_says(option.when))
            decision = decision.branch(match.to(self.flow(option.flow, after)))
        otherwise = self._graph.match(object)
        return decision.branch(otherwise.to(self.flow(choice.otherwise, after)))

    def _fork(self, fork: Fork, after: Any) -> Any:
        name = self._named("fork")
        joined = self._graph.join(
            reduce_list_append, initial_factory=list, node_id=f"join of {name}",
            preferred_parent_fork="closest",
        )
        merged = self._step(f"order of {name}", _in_order, after)
        self._graph.add(self._graph.edge_from(joined).to(merged))
        branches = [
            self.flow(branch, self._step(f"end {at} of {name}", _numbered(at), joined))
            for at, branch in enumerate(fork.branches)
        ]
        spread = self._graph.step(_as_it_is, node_id=name)
        self._graph.add(self._graph.edge_from(spread).to(*branches))
        return spread


def _first(flow: Flow) -> str:
    part = flow[0]
    if isinstance(part, Loop):
        return _first(part.body)
    assert isinstance(part, Node)
    return part.agent


def _works(agent: str) -> Any:
    async def work(context: Context) -> list[Said]:
        context.state.talk.teller.step("node", agent, agent=agent)
        return [*context.inputs, await context.state.speak(agent, context.inputs)]

    return work


def _says(when: str) -> Callable[[Sequence[Said]], bool]:
    return lambda said: when in said[-1].text


def _numbered(at: int) -> Any:
    async def number(context: Context) -> tuple[int, list[Said]]:
        return at, context.inputs

    return number


async def _as_it_is(context: Context) -> list[Said]:
    return list(context.inputs)


async def _in_order(context: Context) -> list[Said]:
    """Put the branches' texts one after the other; what came before the fork stands once."""
    branches = [said for _, said in sorted(context.inputs, key=lambda branch: branch[0])]
    return list(dict.fromkeys(each for said in branches for each in said))
