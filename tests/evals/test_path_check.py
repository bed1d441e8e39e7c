"""Loops: the same work done again directly after itself."""

from pathlib import Path
from typing import Any

import pytest

from agentdyno.core.check import LimitsCheck
from agentdyno.core.checkteam import CitationsCheck, ConfidenceCheck, PathCheck
from agentdyno.core.event import Event, Message, ModelCall, Step, TokenCount, ToolCall
from agentdyno.core.pattern import Supervisor
from agentdyno.core.trial import Outcome, Trial, TrialKey, Verdict, WorkerReport
from agentdyno.evals.checks import evaluate
from agentdyno.evals.path import repeated


def says(agent: str, text: str) -> Message:
    return Message(agent=agent, started_s=0, ended_s=0, text=text)


def calls(agent: str, **arguments: Any) -> ToolCall:
    return ToolCall(agent=agent, started_s=0, ended_s=0, ordinal=0, server="s", tool="x",
                    arguments=arguments, is_error=False, result_text="")


def hands(agent: str, to: str) -> Step:
    return Step(agent=agent, started_s=0, ended_s=0, action="handoff", to=to, name="pass")


def verdict(check: Any, *events: Event, **changes: Any) -> Verdict:
    key = TrialKey(scenario="s", scenario_digest="0", runner="r", runner_version="0",
                   runner_digest="0", model_digest="0")
    whole: dict[str, Any] = {
        "id": "t", "key": key, "outcome": Outcome.COMPLETED, "started_at": "", "duration_s": 1,
        "events": events, "report": WorkerReport(ended="returned"),
    }
    return evaluate(Trial(**(whole | changes)), [check], Path())[0]


PING = (hands("a", "b"), hands("b", "a"))


@pytest.mark.parametrize(("events", "told"), [
    ((*PING, *PING, *PING), "a handoff “b” → b handoff “a”, 3 times"),
    ((calls("a", n=1), calls("a", n=1), calls("a", n=1)), "a calls “s.x {\"n\":1}”, 3 times"),
    ((says("a", "Wait."), says("a", "Wait.\n"), says("a", " Wait.")), "a says “Wait.”, 3 times"),
    ((calls("a", n=1), says("b", "1"), calls("a", n=1), says("b", "2"), calls("a", n=1)),
     "a calls"),
])
def test_the_same_work_three_times_in_a_row_is_a_loop(
    events: tuple[Event, ...], told: str
) -> None:
    found = verdict(PathCheck(id="c", type="path", max_loops=0), *events)
    assert found.status == "fail"
    assert f"1 of at most 0 loops: {told}" in found.reason


@pytest.mark.parametrize("events", [
    (*PING, *PING),
    (calls("a", n=1), calls("a", n=2), calls("a", n=3)),
    (says("critic", "No."), says("a", "1"), says("critic", "No."), says("a", "2"),
     says("critic", "No.")),
    (says("a", "x"), says("b", "x"), says("c", "x")),
])
def test_work_that_goes_on_is_no_loop(events: tuple[Event, ...]) -> None:
    check = PathCheck(id="c", type="path", max_loops=0)
    assert verdict(check, *events).status == "pass"


def test_how_often_is_a_loop_can_be_said() -> None:
    check = PathCheck(id="c", type="path", max_loops=0, loop_repeats=2)
    assert verdict(check, *PING, *PING).status == "fail"


def test_repeated_blocks_agree_with_the_slow_definition() -> None:
    for number in range(3**7):
        items = [("i", number // 3**at % 3) for at in range(7)]
        slow = any(
            items[start : start + size] * 3 == items[start : start + size * 3]
            for size in range(1, 3) for start in range(8 - size * 3)
        )
        assert bool(repeated(items, 3)) is slow, items


@pytest.mark.parametrize("asked", [
    {}, {"order": "exact"}, {"min_rounds": 3, "max_rounds": 2}, {"loop_repeats": 3},
])
def test_a_path_that_asks_nothing_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"asks nothing|order|min_rounds"):
        PathCheck(id="c", type="path", **asked)


def model(agent: str, **changes: Any) -> ModelCall:
    return ModelCall(
        agent=agent, started_s=0, ended_s=0, ordinal=0, api="chat", model="m", stream=False,
        status=200, tokens=TokenCount(prompt=10, completion=5),
    ).model_copy(update=changes)


BILLED = {"source": "live", "provider": "openai", "provider_model": "gpt"}
TEAM = Supervisor(manager="boss", workers=("a",))


@pytest.mark.parametrize(("bound", "status", "part"), [
    ({"cost_usd": 0.5}, "pass", "0.5 of at most 0.5 US dollars"),
    ({"cost_usd": 0.4}, "fail", "0.5 of at most 0.4 US dollars"),
    ({"coordination_calls": 1, "coordination_tokens": 15}, "pass", "1 of at most 1 coordination"),
    ({"coordination_tokens": 14}, "fail", "15 of at most 14 coordination tokens"),
    ({"completion_tokens": 19}, "fail", "20 of at most 19 completion tokens"),
])
def test_cost_and_coordination_have_bounds(
    bound: dict[str, Any], status: str, part: str
) -> None:
    events = (model("boss", **BILLED, cost_usd=0.25), model("a", **BILLED, cost_usd=0.25),
              model("a", source="live", provider="ollama"),
              model("a", source="recorded", provider="openai"))
    found = verdict(LimitsCheck(id="c", type="limits", **bound), *events, pattern=TEAM)
    assert (found.status, part in found.reason) == (status, True), found


def test_a_cost_that_nobody_knows_is_an_error_and_no_pass() -> None:
    found = verdict(LimitsCheck(id="c", type="limits", cost_usd=1), model("a", **BILLED))
    assert (found.status, "price of openai gpt is not known" in found.reason) == ("error", True)


def test_sources_that_no_tool_knows_are_named() -> None:
    asked = calls("a", file="mandate.md")
    answers = ("See [mandate.md] and [plan.md].",)
    for share, status in ((0.5, "pass"), (0.6, "fail")):
        check = CitationsCheck(id="c", type="citations", at_least=share)
        found = verdict(check, asked, answers=answers)
        assert found.status == status
        assert found.reason == "1 of 2 named sources are there; not there: plan.md"


def test_a_trial_without_any_signal_has_no_confidence_to_compare() -> None:
    found = verdict(ConfidenceCheck(id="c", type="confidence", at_least=0.1))
    assert (found.status, found.reason[:8]) == ("error", "NoFigure")
