"""What the page of a trial is worked out of: moments, bars, seconds, arrows, flows."""

from agentdyno.core.event import (
    Approval,
    Fault,
    MemoryAccess,
    Message,
    ModelCall,
    ModelTry,
    Step,
    TokenCount,
    ToolCall,
)
from agentdyno.core.pattern import Dag, Edge, Handoff, Pipeline, Reflection
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Outcome, Trial, TrialKey, WorkerReport
from agentdyno.dashboards.charts.dot import Arrow, Node, dot, quoted
from agentdyno.dashboards.charts.flow import flow
from agentdyno.dashboards.charts.talking import talking
from agentdyno.dashboards.trials.flow import activations, declared, flow_of, ran
from agentdyno.dashboards.trials.moments import moments
from agentdyno.dashboards.trials.openflow import openflow_document
from agentdyno.dashboards.trials.talk import EVERYBODY, USER, talk
from agentdyno.dashboards.trials.waterfall import Bar, bars, merged, shares
from agentdyno.tests.dashboards.hostile import TEXTS


def model(agent: str, began: float, took: float = 1.0, **more: object) -> ModelCall:
    return ModelCall.model_validate({
        "agent": agent, "started_s": began, "ended_s": began + took, "ordinal": 0, "api": "chat",
        "model": "default", "stream": False, "status": 200,
        "tokens": TokenCount(prompt=1200, completion=7), **more,
    })


def tool(agent: str, began: float, took: float = 1.0, **more: object) -> ToolCall:
    return ToolCall.model_validate({
        "agent": agent, "started_s": began, "ended_s": began + took, "ordinal": 0,
        "server": "market", "tool": "returns", "arguments": {"symbol": "MSFT"}, "is_error": False,
        "result_text": "0.25", **more,
    })


def said(agent: str, at: float, *to: str) -> Message:
    return Message(agent=agent, started_s=at, ended_s=at, text="done", to=to)


def step(agent: str, at: float, action: str = "node", to: str = "") -> Step:
    return Step.model_validate({"agent": agent, "started_s": at, "ended_s": at, "name": agent,
                                "action": action, "to": to})


def approval(agent: str, began: float, took: float) -> Approval:
    return Approval(
        agent=agent, started_s=began, ended_s=began + took, ordinal=0, server="market",
        tool="returns", risk="high", risk_from="policy", action="wait", shown={"amount": 5},
        decision="modified", arguments={"amount": 4}, approver="queue", decided_by="ada",
    )


def trial(*events: object, pattern: object = None, **more: object) -> Trial:
    key = TrialKey(scenario="s", scenario_digest="d", runner="crewai", runner_version="1",
                   runner_digest="d", model_digest="d")
    return Trial.model_validate({
        "id": "t" * 20, "key": key, "outcome": Outcome.COMPLETED, "duration_s": 10.0,
        "started_at": "2026-01-01T00:00:00+00:00", "events": events, "pattern": pattern,
        "user_turns": ("go",), "answers": ("done",), "report": WorkerReport(ended="returned"),
        **more,
    })


def test_a_memory_access_and_the_call_that_made_it_are_one_moment() -> None:
    access = MemoryAccess(agent="a", started_s=1, ended_s=2, operation="search", query="q",
                          mode="lexical", hits=("m1",))
    call = tool("a", 1, server="memory", tool="memory_search")
    [told] = moments([call, access])
    assert (told.kind, told.number) == ("memory", 0)
    [alone] = moments([access])
    assert "m1" in alone.text


def test_what_failed_is_marked() -> None:
    events = [
        model("a", 0, error="no", status=500), tool("a", 1, is_error=True, error_kind="timeout"),
        Fault(agent="a", started_s=0, ended_s=0, channel="model", ordinal=0, fault="http_429"),
        model("a", 2), approval("a", 3, 1),
    ]
    assert [moment.failed for moment in moments(events)] == [True, True, True, False, False]
    assert "HTTP 500" in moments(events)[0].title
    assert "changed to" in moments(events)[4].text


def test_seconds_side_by_side_count_once_and_waiting_for_people_comes_first() -> None:
    found = moments([
        model("a", 0, 2), model("b", 1, 2),      # 0 to 3
        tool("a", 4, 2), approval("b", 5, 3),    # tool 4 to 5, waiting 5 to 8
        ModelTry(agent="a", started_s=8, ended_s=8, ordinal=0, attempt=1, provider="p", model="m",
                 decision="retry", wait_s=1.0),  # 8 to 9
    ])
    parts = shares(found, 10.0)
    assert (parts.model, parts.tool, parts.waiting, parts.backoff) == (3, 1, 3, 1)
    assert parts.framework == 2


def test_a_waterfall_of_thousands_of_calls_is_some_hundred_bars_and_loses_none() -> None:
    many = bars(moments([
        model("a", n * 0.01, 0.005, error="no" if n == 4000 else None) for n in range(5000)
    ]))
    few = merged(many)
    assert len(few) <= 700
    assert sum(bar.count for bar in few) == 5000
    assert any(bar.failed for bar in few)
    assert (few[0].started_s, few[-1].ended_s) == (0.0, many[-1].ended_s)


def test_bars_that_can_be_told_apart_stay_as_they_are() -> None:
    one = Bar(lane="a", kind="model", started_s=0, ended_s=1, title="t")
    assert merged([one]) == (one,)


def test_arrows_go_to_those_addressed_and_between_user_and_team() -> None:
    lines = talk(trial(
        model("a", 0), said("a", 1, "b", "c"), step("a", 1, "handoff", "b"), model("b", 2),
        said("b", 3), step("b", 3, "returned", "a"),
    ))
    assert {(line.source, line.target, line.way) for line in lines} == {
        (USER, "a", "turn"), ("b", USER, "turn"), ("a", "b", "message"), ("a", "c", "message"),
        ("a", "b", "control"), ("b", EVERYBODY, "message"), ("b", "a", "result"),
    }


def test_what_is_said_to_many_at_once_is_drawn_as_one_arrow() -> None:
    graph = talking(talk(trial(model("a", 0), said("a", 1, "b", "c", "d"))))
    assert graph.count("1 message") == 1
    assert EVERYBODY in graph


def test_nothing_of_a_text_means_anything_to_graphviz() -> None:
    for name, text in TEXTS.items():
        inner = quoted(text)[1:-1]
        assert not {'"', "\\", "<", ">", "\n"} & set(inner), name
    graph = dot([Node(name="a", lines=tuple(TEXTS.values()))],
                [Arrow(source="a", target="a", label=TEXTS["graphviz"])])
    assert "URL=" not in graph.replace("URL=&quot;", "")


DAG = Dag(start="a", edges=(
    Edge(source="a", target="b", when="YES"), Edge(source="a", target="c"),
    Edge(source="b", target="d"), Edge(source="c", target="d"),
))


def test_only_the_branch_that_was_taken_ran() -> None:
    found = trial(
        step("a", 0), model("a", 0), said("a", 1), step("c", 1), model("c", 1), said("c", 2),
        step("d", 2), model("d", 2), said("d", 3), pattern=DAG,
    )
    ways = declared(DAG)
    seen = ran([flow_of(found)], ways)
    assert set(seen.agents) == {"a", "c", "d"}
    assert set(seen.ways) == {("a", "c"), ("c", "d")}
    graph = flow(DAG, ways, seen)
    assert "did not run" in graph
    assert "if YES" in graph


def test_a_loop_is_counted_turn_by_turn() -> None:
    pattern = Reflection(writer="w", critic="c")
    events = []
    for n in range(3):
        events += [model("w", 4 * n), said("w", 4 * n + 1), model("c", 4 * n + 2),
                   said("c", 4 * n + 3)]
    worked = activations(flow_of(trial(*events)).events)
    assert [one.agent for one in worked] == ["w", "c"] * 3
    seen = ran([flow_of(trial(*events))] * 2, declared(pattern))
    assert seen.trials == 2
    assert seen.times == {"w": 6, "c": 6}
    assert seen.ways == {("w", "c"): 2, ("c", "w"): 2}


def test_control_that_was_handed_over_is_told_by_steps() -> None:
    pattern = Handoff(start="a", handoffs={"a": ("b", "c")})
    seen = ran([flow_of(trial(model("a", 0), step("a", 1, "handoff", "b"), model("b", 2)))],
               declared(pattern))
    assert set(seen.ways) == {("a", "b")}


def test_an_agent_that_nothing_was_declared_of_is_drawn_all_the_same() -> None:
    seen = ran([flow_of(trial(model("other", 0)))], declared(Pipeline(steps=("a",))))
    assert "other" in flow(Pipeline(steps=("a",)), (), seen)


def test_a_team_is_written_as_openflow_where_openflow_can() -> None:
    team = tuple(AgentSpec(name=name, role="r", goal="g", instructions="i") for name in "abcd")
    document = openflow_document(trial(pattern=DAG, agents=team))
    assert document is not None
    assert "branchone" in document
    assert "token" not in document
    handoff = Handoff(start="a", handoffs={"a": ("b",)})
    assert openflow_document(trial(pattern=handoff, agents=team)) is None
    assert openflow_document(trial(agents=team)) is None
