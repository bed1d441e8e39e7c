"""What a declared graph is made of, and which graphs are refused."""

from typing import Any

import pytest

from agentdyno.core.graph import (
    Choice,
    Fork,
    GraphFault,
    Loop,
    Node,
    Option,
    agents_of,
    ends,
    structure,
)
from agentdyno.core.pattern import Dag, Edge


def dag(*edges: tuple[Any, ...]) -> Dag:
    """Return a graph that starts at the first edge's source."""
    made = [
        Edge(source=edge[0], target=edge[1], **(edge[2] if len(edge) > 2 else {}))
        for edge in edges
    ]
    return Dag(start=made[0].source, edges=tuple(made))


def node(name: str) -> Node:
    """Return a node."""
    return Node(agent=name)


def test_edges_in_a_row_are_a_sequence() -> None:
    assert structure(dag(("a", "b"), ("b", "c"))) == (node("a"), node("b"), node("c"))


def test_several_plain_edges_fork_until_the_branches_meet() -> None:
    flow = structure(dag(("a", "b"), ("a", "c"), ("b", "d"), ("d", "e"), ("c", "e")))
    assert flow == (
        node("a"), Fork(branches=((node("b"), node("d")), (node("c"),))), node("e"),
    )


def test_conditions_choose_and_may_lead_straight_to_what_follows() -> None:
    flow = structure(dag(("a", "b", {"when": "X"}), ("a", "c"), ("b", "c")))
    assert flow == (
        node("a"), Choice(options=(Option(when="X", flow=(node("b"),)),), otherwise=()), node("c"),
    )


def test_branches_may_end_the_graph_at_different_agents() -> None:
    flow = structure(dag(("a", "b", {"when": "X"}), ("a", "c")))
    assert sorted(ends(flow)) == ["b", "c"]


def test_an_edge_with_max_makes_a_loop_of_everything_between() -> None:
    flow = structure(dag(
        ("a", "b"), ("b", "c"), ("b", "d"), ("c", "e"), ("d", "e"),
        ("e", "b", {"when": "again", "max": 2}), ("e", "f"),
    ))
    body = (node("b"), Fork(branches=((node("c"),), (node("d"),))), node("e"))
    assert flow == (node("a"), Loop(body=body, when="again", max=2), node("f"))
    assert list(agents_of(flow)) == ["a", "b", "c", "d", "e", "f"]


def test_a_loop_may_hold_another_one_and_an_agent_may_repeat_itself() -> None:
    flow = structure(dag(
        ("a", "b"), ("b", "b", {"when": "more", "max": 1}), ("b", "c"),
        ("c", "a", {"when": "again", "max": 3}),
    ))
    inner = Loop(body=(node("b"),), when="more", max=1)
    assert flow == (Loop(body=(node("a"), inner, node("c")), when="again", max=3),)


@pytest.mark.parametrize(("edges", "words"), [
    ([("a", "b"), ("b", "a")], "a -> b -> a has no limit"),
    ([("a", "b"), ("b", "a", {"when": "x"})], "has no limit"),
    ([("a", "b"), ("c", "b")], "'c' cannot be reached from 'a'"),
    ([("a", "b"), ("a", "c")], "never meet"),
    ([("a", "b", {"when": "x"}), ("a", "c", {"when": "y"})], "exactly one edge without `when`"),
    ([("a", "b"), ("a", "c"), ("b", "c")], "straight to 'c' is no branch"),
    ([("a", "b"), ("a", "b", {"when": "x"})], "two edges from 'a' to 'b'"),
    ([("a", "b"), ("b", "a", {"max": 2})], "needs `when`"),
    ([("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("b", "e"), ("d", "f"), ("e", "f")],
     "not well nested"),
    ([("a", "b", {"when": "x"}), ("a", "c"), ("b", "a", {"when": "y", "max": 2})],
     "does not close a loop"),
    ([("a", "b"), ("b", "c"), ("c", "a", {"when": "x", "max": 1}),
      ("b", "a", {"when": "x", "max": 1})], "this is a second"),
])
def test_a_graph_that_cannot_mean_the_same_everywhere_is_refused(
    edges: list[tuple[Any, ...]], words: str
) -> None:
    with pytest.raises(GraphFault, match=words):
        structure(dag(*edges))
