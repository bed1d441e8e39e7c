"""Patterns played with mock agents: which ran, how often, in which order."""

from typing import Any

import pytest

from agentdyno.core.errors import InputError, UsageError
from agentdyno.testing import (
    Heard,
    MockAgent,
    ScriptedModel,
    delegate,
    hand_off,
    play_graph,
    run_graph,
)

GRAPH: dict[str, Any] = {"type": "dag", "start": "plan", "edges": [
    {"source": "plan", "target": "news"}, {"source": "plan", "target": "numbers"},
    {"source": "news", "target": "write"}, {"source": "numbers", "target": "write"},
    {"source": "write", "target": "plan", "when": "AGAIN", "max": 2},
    {"source": "write", "target": "send", "when": "GOOD"}, {"source": "write", "target": "drop"},
]}


def team(**says: Any) -> list[MockAgent]:
    return [MockAgent(name, said) for name, said in says.items()]


def graph(*written: str) -> list[MockAgent]:
    return team(plan="a plan", news="news", numbers="numbers", write=list(written), send="sent",
                drop="dropped")


def test_a_graph_with_branches_a_loop_and_a_choice() -> None:
    run = run_graph(GRAPH, graph("AGAIN", "GOOD"), "report")
    assert run.ran("plan", {"news", "numbers"}, "write", "plan", {"numbers", "news"}, "write",
                   "send")
    assert run.ran_times("write", 2)
    assert run.ran_times("drop", 0)
    assert run.ran_before("news", "write")
    assert not run.ran_before("write", "news")
    assert run.answer == "sent"
    assert not run.stopped()


def test_a_loop_stops_at_its_limit() -> None:
    run = run_graph(GRAPH, graph("AGAIN", "AGAIN", "AGAIN"), "report")
    assert run.ran_times("plan", 3)
    assert run.stopped("max of the loop after write")
    assert run.answer == "dropped"


def test_what_side_by_side_agents_hear_is_not_each_other() -> None:
    agents = graph("GOOD")
    run_graph(GRAPH, agents, "report")
    heard = {agent.name: agent.heard[0] for agent in agents if agent.heard}
    assert heard["numbers"].before == heard["news"].before == (("plan", "a plan"),)
    assert [who for who, _ in heard["write"].before] == ["plan", "news", "numbers"]


def test_a_failed_question_shows_the_path_and_the_texts() -> None:
    told = run_graph(GRAPH, graph("no"), "report").ran("plan", "write").explain()
    assert told.startswith("no: what ran is plan, then write\nthe nodes that ran:\n  1. plan")
    assert "  5. drop: dropped" in told


@pytest.mark.parametrize(("pattern", "agents", "path", "answer"), [
    ({"type": "single", "agent": "a"}, {"a": "hi"}, "a", "hi"),
    ({"type": "pipeline", "steps": ["a", "b"]}, {"a": "1", "b": "2"}, "a b", "2"),
    ({"type": "parallel", "agents": ["a", "b"], "synthesizer": "c"},
     {"a": "1", "b": "2", "c": "3"}, "a b c", "3"),
    ({"type": "round_robin", "agents": ["a", "b"], "stop": {"text": "END", "by": ["b"]}},
     {"a": "END", "b": ["go on", "END"]}, "a b a b", "END"),
    ({"type": "selector", "agents": ["a", "b"], "selector": "s", "stop": {"text": "END"}},
     {"a": "1", "b": "END", "s": ["a", "b"]}, "s a s b", "END"),
    ({"type": "supervisor", "manager": "m", "workers": ["w"]},
     {"m": [delegate("w", "look"), "done"], "w": "found"}, "m w m", "done"),
    ({"type": "handoff", "start": "a", "handoffs": {"a": ["b"]}},
     {"a": hand_off("b"), "b": "here"}, "a b", "here"),
    ({"type": "reflection", "writer": "w", "critic": "c"},
     {"w": ["bad", "good"], "c": ["no", "APPROVED"]}, "w c w c", "good"),
])
def test_every_pattern(
    pattern: dict[str, Any], agents: dict[str, Any], path: str, answer: str
) -> None:
    run = run_graph(pattern, team(**agents), "task")
    assert run.ran(*path.split())
    assert run.answer == answer


@pytest.mark.parametrize(("pattern", "agents", "limit"), [
    ({"type": "round_robin", "agents": ["a", "b"], "stop": {"text": "END"}, "max_messages": 3},
     {"a": "1", "b": "2"}, "max_messages"),
    ({"type": "reflection", "writer": "a", "critic": "b", "max_rounds": 2},
     {"a": "1", "b": "no"}, "max_rounds"),
    ({"type": "handoff", "start": "a", "handoffs": {"a": ["b"], "b": ["a"]}, "max_handoffs": 2},
     {"a": hand_off("b"), "b": hand_off("a")}, "max_handoffs"),
])
def test_limits_are_told(pattern: dict[str, Any], agents: dict[str, Any], limit: str) -> None:
    assert run_graph(pattern, team(**agents), "task").stopped(limit)


async def test_who_has_control_keeps_it_for_the_next_turn() -> None:
    swarm = {"type": "handoff", "start": "a", "handoffs": {"a": ["b"]}}
    run = await play_graph(swarm, team(a=hand_off("b"), b=["one", "two"]), "first", "second")
    assert run.ran("a", "b", "b")
    assert run.answers == ("one", "two")


async def test_an_agents_own_code_sync_or_async_takes_its_turn() -> None:
    async def own(heard: Heard) -> str:
        return f"{heard.task}: {heard.last}"

    agents = [MockAgent("a", does=lambda heard: heard.task.upper()), MockAgent("b", does=own)]
    run = await play_graph({"type": "pipeline", "steps": ["a", "b"]}, agents, "task")
    assert run.answer == "task: TASK"
    assert run.said("TASK", by="a")


def test_rules_of_a_scripted_model_call_tools_delegate_and_hand_over() -> None:
    manager = MockAgent("m", rules=[
        {"when": "not find('price: ([0-9]+)')", "delegate": {"to": "w", "task": "the price"}},
        {"say": "It costs {{ find('price: ([0-9]+)') }}."},
    ])
    worker = MockAgent("w", rules=[
        {"when": "not called('quote')", "call": {"tool": "quote", "arguments": {"of": "MSFT"}}},
        {"say": "price: {{ result('quote') }}"},
    ], tools={"quote": lambda of: {"MSFT": 400}[of]})
    supervisor = {"type": "supervisor", "manager": "m", "workers": ["w"]}
    assert run_graph(supervisor, [manager, worker], "What?").answer == "It costs 400."
    assert worker.heard[0].task == "the price"
    swarm = {"type": "handoff", "start": "a", "handoffs": {"a": ["b"]}}
    assert run_graph(swarm, [MockAgent("a", rules=[{"handoff": "b"}]), MockAgent("b", "hi")],
                     "x").ran("a", "b")


def test_the_pattern_and_the_turns_of_a_scenario() -> None:
    run = run_graph("docs_question", team(guide="yes"))
    assert run.ran_times("guide", 3)


async def test_a_scripted_model_answers_in_memory() -> None:
    model = ScriptedModel([{"when": "has_tool('quote') and not called('quote')",
                            "call": {"tool": "quote"}}, {"say": "{{ user }}!"}])
    offer = {"type": "function", "function": {"name": "quote", "parameters": {}}}
    user = {"role": "user", "content": "Hello"}
    assert [call.name for call in (await model.reply([user], [offer])).calls] == ["quote"]
    assert (await model.reply([user])).text == "Hello!"


@pytest.mark.parametrize(("pattern", "agents", "message"), [
    ({"type": "single"}, {"a": "1"}, r"this is no pattern: single\.agent"),
    ({"type": "pipeline", "steps": ["a", "b"]}, {"a": "1"}, "no mock agent for b"),
    ({"type": "single", "agent": "a"}, {"a": "1", "b": "2"}, "the pattern has no agent b"),
    ({"type": "dag", "start": "a", "edges": [{"source": "a", "target": "a"}]}, {"a": "1"},
     "this graph cannot be played"),
    ({"type": "reflection", "writer": "a", "critic": "b"}, {"a": ["one"], "b": "no"},
     "'a' was given turn 2 and has answers for 1"),
    ({"type": "handoff", "start": "a", "handoffs": {"a": ["b"]}},
     {"a": hand_off("c"), "b": "1"}, "a cannot reach 'c' here; it can reach b"),
])
def test_what_cannot_be_is_refused(
    pattern: dict[str, Any], agents: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        run_graph(pattern, team(**agents), "task")


async def test_the_sync_face_says_what_to_write_in_an_async_test() -> None:
    with pytest.raises(UsageError, match="await play_graph"):
        run_graph({"type": "single", "agent": "a"}, team(a="1"), "task")


def test_a_mock_needs_exactly_one_behaviour_and_good_rules() -> None:
    with pytest.raises(UsageError, match="exactly one of says, does, rules"):
        MockAgent("a")
    with pytest.raises(InputError, match=r"agents\.a\.0\.sya"):
        MockAgent("a", rules=[{"sya": "Hello"}])
