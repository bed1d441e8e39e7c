"""The labels by which a CrewAI flow goes through a graph, and teams that CrewAI cannot be."""

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import TypeAdapter

from agentdyno.core.graph import structure
from agentdyno.core.pattern import Dag, Pattern
from agentdyno.core.spec import AgentSpec
from agentdyno.runners._crewai_patterns import TEAMWORK
from agentdyno.runners._crewai_plan import END, Plan, Turn, plan_of


def _plan(start: str, *edges: str) -> Plan:
    """Return the plan of edges such as `a b`, `a b if TEXT` and `b a if TEXT max 2`."""
    rows = []
    for edge in edges:
        words = edge.split()
        row: dict[str, Any] = {"source": words[0], "target": words[1]}
        row |= {"when": words[words.index("if") + 1]} if "if" in words else {}
        row |= {"max": int(words[words.index("max") + 1])} if "max" in words else {}
        rows.append(row)
    return plan_of(structure(Dag.model_validate({"start": start, "edges": rows})))


def _walk(plan: Plan, texts: dict[str, list[str]]) -> tuple[list[str], list[str]]:
    """Return who works, in order, and which loops ended at their limit; branches go one by one."""
    limits: list[str] = []
    turn = Turn(at_limit=limits.append)
    worked: list[str] = []
    sides = {side.opens: side for side in plan.sides}
    done = {label for side in plan.sides for label in side.done}

    def go(label: str) -> str:
        while label != END and label not in done:
            if side := sides.get(label):
                assert [go(branch(turn, "")) for branch in side.branches] == list(side.done)
                label = side.then(turn, "")
                continue
            agent = label.removeprefix("to ")
            worked.append(agent)
            label = plan.after[agent](turn, texts.get(agent, [""]).pop(0))
        return label

    go(plan.begins(turn, ""))
    return worked, limits


def _team(roles: Sequence[str], **manager: Any) -> list[AgentSpec]:
    def agent(name: str, role: str, **more: Any) -> AgentSpec:
        return AgentSpec(name=name, role=role, goal="g", instructions="i", **more)

    workers = [agent(f"w{at}", role) for at, role in enumerate(roles)]
    return [agent("boss", "boss", **manager), *workers]


SUPERVISOR: Pattern = TypeAdapter[Pattern](Pattern).validate_python(
    {"type": "supervisor", "manager": "boss", "workers": ["w0", "w1"]}
)


def test_agents_follow_each_other():
    assert _walk(_plan("a", "a b", "b c"), {}) == (["a", "b", "c"], [])


@pytest.mark.parametrize(("text", "taken"), [("so X", "b"), ("Y X", "b"), ("Y", "c"), ("", "d")])
def test_the_first_option_whose_text_stands_there_is_taken(text: str, taken: str):
    plan = _plan("a", "a b if X", "a c if Y", "a d", "b e", "c e", "d e")
    assert _walk(plan, {"a": [text]})[0] == ["a", taken, "e"]


def test_an_option_may_lead_straight_to_what_follows():
    plan = _plan("a", "a b if X", "a c", "b c")
    assert _walk(plan, {"a": ["X"]})[0] == ["a", "b", "c"]
    assert _walk(plan, {"a": [""]})[0] == ["a", "c"]


def test_a_fork_joins_before_what_follows_it():
    plan = _plan("a", "a b", "a c", "b d", "c d")
    assert _walk(plan, {})[0] == ["a", "b", "c", "d"]
    assert plan.sides[0].rank == {"b": 0, "c": 1}


def test_a_fork_in_a_fork_joins_first():
    plan = _plan("a", "a b", "a c", "b d", "b e", "d f", "e f", "f g", "c g")
    assert _walk(plan, {})[0] == ["a", "b", "d", "e", "f", "c", "g"]


def test_a_loop_repeats_while_the_text_stands_there():
    plan = _plan("a", "a b", "b a if AGAIN max 3", "b c")
    walked = _walk(plan, {"a": ["", "", ""], "b": ["AGAIN", "AGAIN", "fine"]})
    assert walked == (["a", "b", "a", "b", "a", "b", "c"], [])


def test_a_loop_ends_at_its_limit_and_says_so():
    plan = _plan("a", "a b", "b a if AGAIN max 1", "b c")
    walked = _walk(plan, {"a": ["", ""], "b": ["AGAIN", "AGAIN"]})
    assert walked == (["a", "b", "a", "b", "c"], ["max of loop b -> a"])


def test_an_inner_loop_counts_anew_in_each_round_of_the_outer_one():
    plan = _plan("a", "a b", "b b if IN max 1", "b c", "c a if OUT max 1", "c d")
    texts = {"a": ["", ""], "b": ["IN", "IN", "IN", "IN"], "c": ["OUT", ""]}
    worked, limits = _walk(plan, texts)
    assert worked == ["a", "b", "b", "c", "a", "b", "b", "c", "d"]
    assert limits == ["max of loop b -> b"] * 2


def test_a_manager_with_tools_is_refused():
    for manager in ({"tools": ("docs.search",)}, {"memory": "read"}):
        support = TEAMWORK.support(SUPERVISOR, _team(["digger", "counter"], **manager))
        assert support.kind == "unsupported"
        assert "boss has tools" in support.how


def test_workers_of_one_role_are_refused():
    support = TEAMWORK.support(SUPERVISOR, _team(["The  Digger", 'the "digger"']))
    assert support.kind == "unsupported"
    assert "w0 and w1 have the same role" in support.how


def test_a_plain_team_is_not_refused():
    assert TEAMWORK.support(SUPERVISOR, _team(["digger", "counter"])).kind == "native"
