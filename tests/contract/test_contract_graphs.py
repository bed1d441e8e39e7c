"""Every runner runs a declared graph as `core/graph.py` says what it is made of.

    python -m pytest tests/contract/test_contract_graphs.py -k "langgraph"
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import count

import pytest

from agentdyno.core.event import Message, Step
from agentdyno.core.graph import Choice, Flow, Fork, Loop, Node, structure
from agentdyno.core.pattern import Dag, Edge, pattern_agents
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec, Limits
from agentdyno.core.trial import Assignment
from agentdyno.models.conversation import Reply
from agentdyno.models.upstream import ModelRequest
from agentdyno.runners.registry import RUNNERS
from agentdyno.tests.contract.lab import HERE, Lab

_numbers = count(1)
Texts = dict[str, list[str]]


def dag(*edges: str) -> Dag:
    """Return a graph of edges such as `a > b`, `a > b WHEN`, `b > a WHEN 2`."""
    rows = [edge.replace(">", " ").split() for edge in edges]
    return Dag(start="a", edges=tuple(
        Edge(source=row[0], target=row[1], when=row[2] if len(row) > 2 else None,
             max=int(row[3]) if len(row) > 3 else None)
        for row in rows
    ))


GRAPHS: dict[str, tuple[Dag, Texts]] = {
    "branches of unequal length": (
        dag("a>b", "a>x", "b>c", "c>j", "x>j", "j>k"), {}),
    "a choice within a branch": (
        dag("a>b", "a>x", "b>c GO", "b>d", "c>e", "d>e", "e>j", "x>j"), {"b": ["GO"]}),
    "a choice that ends a branch": (
        dag("a>b", "a>x", "b>c GO", "b>d", "c>j", "d>j", "x>j"), {"b": ["no"]}),
    "a loop within a branch": (
        dag("a>b", "a>x", "b>c", "c>b AGAIN 2", "c>j", "x>j"), {"c": ["AGAIN", "AGAIN", "ok"]}),
    "branches within a loop at its limit": (
        dag("a>b", "a>x", "b>j", "x>j", "j>a AGAIN 2", "j>k"), {"j": ["AGAIN"]}),
    "a loop within a loop, which starts anew": (
        dag("a>b", "b>c", "c>b IN 1", "c>d", "d>a OUT 1", "d>e"), {"c": ["IN"], "d": ["OUT"]}),
    "an agent that repeats itself": (
        dag("a>b", "b>b AGAIN 3", "b>c"), {"b": ["AGAIN", "AGAIN", "ok"]}),
    "a loop that ends the graph": (
        dag("a>b", "b>a AGAIN 1"), {"b": ["AGAIN", "ok"]}),
    "a choice between ends": (
        dag("a>b B", "a>c C", "a>d"), {"a": ["C"]}),
    "a choice that skips an agent": (
        dag("a>c SKIP", "a>b", "b>c", "c>d"), {"a": ["SKIP"]}),
    "branches within a branch": (
        dag("a>b", "a>x", "b>d", "b>e", "d>f", "e>f", "f>j", "x>j"), {}),
    "two loops side by side": (
        dag("a>b", "a>x", "b>b AGAIN 2", "x>x AGAIN 2", "b>j", "x>j"),
        {"b": ["AGAIN"], "x": ["AGAIN", "ok"]}),
    "a loop that begins with a choice": (
        dag("a>b B", "a>c", "b>d", "c>d", "d>a AGAIN 1", "d>z"),
        {"a": ["B", "other"], "d": ["AGAIN", "ok"]}),
    "branches behind a loop": (
        dag("a>b", "b>a AGAIN 1", "b>x", "b>y", "x>j", "y>j"), {"b": ["AGAIN", "ok"]}),
}


class Speakers:
    """A model by which each agent says its texts one after the other, the last one for good."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._spoken: Counter[str] = Counter()

    def say(self, agent: str) -> str:
        """Return what `agent` says next."""
        self._spoken[agent] += 1
        number = self._spoken[agent]
        texts = self._texts.get(agent, [])
        return texts[min(number, len(texts)) - 1] if texts else f"{agent}-{number}"

    async def answer(self, request: ModelRequest) -> Reply:
        """Answer with the agent's next text."""
        return Reply(text=self.say(request.agent))


def walk(flow: Flow, speakers: Speakers, said: list[tuple[str, str]]) -> Iterator[str]:
    """Yield the agents that work in `flow`, branch after branch; `said` is given their texts."""
    for part in flow:
        match part:
            case Node(agent=agent):
                said.append((agent, speakers.say(agent)))
                yield agent
            case Fork(branches=branches):
                for branch in branches:
                    yield from walk(branch, speakers, said)
            case Choice(options=options, otherwise=otherwise):
                text = said[-1][1]
                taken = next((o.flow for o in options if o.when in text), otherwise)
                yield from walk(taken, speakers, said)
            case Loop(body=body, when=when, max=most):
                yield from walk(body, speakers, said)
                for _ in range(most):
                    if when not in said[-1][1]:
                        break
                    yield from walk(body, speakers, said)


@pytest.mark.requirement("runner:patterns")
@pytest.mark.parametrize("shape", GRAPHS)
async def test_a_graph_runs_as_it_is_nested(runner: str, lab: Lab, shape: str):
    graph, texts = GRAPHS[shape]
    team = tuple(
        AgentSpec(name=name, role=name, goal="work", instructions=f"You are {name}.")
        for name in pattern_agents(graph)
    )
    support = RUNNERS[runner].teamwork.support(graph, team)
    if support.kind == "unsupported":
        pytest.skip(f"n/a: {support.how}")
    said: list[tuple[str, str]] = []
    due = Counter(walk(structure(graph), Speakers(texts), said))
    number = next(_numbers)
    sink = Sink(trial_id=f"graph{number}", token=f"graph-{number}", limits=Limits())
    declared: list[Message | Step] = []
    lab.bench.models.open(sink, team, Speakers(texts))
    try:
        await lab.bench.tools.open(sink, team, {}, HERE)
        async with asyncio.timeout(60):
            report = await lab.pool.run(Assignment(
                trial_id=sink.trial_id, token=sink.token, pattern=graph, agents=team,
                user_turns=("go",),
                endpoints={spec.name: lab.bench.endpoint(sink.trial_id, spec) for spec in team},
            ), declared.append)
    finally:
        lab.bench.models.close(sink.trial_id)
        await lab.bench.tools.close(sink.trial_id)
    assert report.answer is not None, report.error
    assert report.answer.texts == (said[-1][1],)
    nodes = [e.agent for e in declared if isinstance(e, Step) and e.action == "node"]
    assert Counter(nodes) == due
