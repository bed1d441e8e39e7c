"""Recovered or not, at what price, and with which side effects done twice."""

from typing import Any

import pytest

from agentdyno.core.event import Fault, ModelTry, ToolCall, ToolsListed
from agentdyno.core.trial import Outcome, Trial
from agentdyno.experiments.recovery import recovery
from agentdyno.tests.experiments.trials import model_call, sealed

MAIL = {"to": "mira@example.org", "body": "Hello"}
FAULT = Fault(agent="solo", started_s=0.1, ended_s=0.2, channel="model", ordinal=1,
              fault="http_500")
LISTED = ToolsListed(agent="solo", started_s=0, ended_s=0, tools=(
    {"name": "send", "annotations": {"readOnlyHint": False}},
    {"name": "put", "annotations": {"readOnlyHint": False, "idempotentHint": True}},
    {"name": "look", "annotations": {"readOnlyHint": True}},
    {"name": "silent"},
))


def called(tool: str = "send", kind: Any = None, **arguments: Any) -> ToolCall:
    return ToolCall(
        agent="solo", started_s=0.3, ended_s=0.4, ordinal=0, server="box", tool=tool,
        arguments=arguments or MAIL, is_error=kind is not None, error_kind=kind, result_text="",
    )


def faulty(*events: Any, duration_s: float = 1.5, **more: Any) -> Trial:
    trial = sealed(events=(LISTED, FAULT, *events), **more)
    key = trial.key.model_copy(update={"faults": "p:12345678"})
    return trial.model_copy(update={"key": key, "duration_s": duration_s})


def sibling(*events: Any, **more: Any) -> Trial:
    return sealed(events=(LISTED, *events), **more)


def times(faulty: Trial, sibling: Trial) -> dict[str, int]:
    return {double.tool: double.times for double in recovery(faulty, sibling).duplicates}


def test_a_trial_recovers_when_it_passes_what_it_passes_without_the_fault() -> None:
    found = recovery(faulty(model_call(1), model_call(1), called()), sibling(model_call(1)))
    assert found.status == "recovered"
    assert (found.extra_model_calls, found.extra_tool_calls, found.hits) == (1, 1, 1)
    assert found.time_lost_s == pytest.approx(0.5)
    assert found.duplicates == ()


def test_a_trial_that_ends_badly_has_not_recovered() -> None:
    found = recovery(
        faulty(outcome=Outcome.AGENT_FAULT, passed=False), sibling(model_call(1))
    )
    assert (found.status, found.outcome) == ("failed", Outcome.AGENT_FAULT)


def test_a_completed_trial_that_loses_a_check_has_not_recovered() -> None:
    found = recovery(faulty(passed=False), sibling())
    assert (found.status, found.reason) == ("failed", "completed, but failed c")


def test_a_fault_that_was_never_injected_is_not_recovered_from() -> None:
    untouched = faulty().model_copy(update={"events": (LISTED,)})
    assert recovery(untouched, sibling()).status == "not_reached"


@pytest.mark.parametrize("without", [{"passed": False}, {"outcome": Outcome.LIMIT}])
def test_without_a_good_sibling_nothing_is_said(without: dict[str, Any]) -> None:
    assert recovery(faulty(), sibling(**without)).status == "no_baseline"


def test_the_benchs_own_fault_is_no_failure_of_the_framework() -> None:
    found = recovery(faulty(outcome=Outcome.HARNESS_FAULT, passed=False), sibling())
    assert found.status == "harness_fault"


def test_the_same_mail_sent_twice_is_a_duplicate_and_another_mail_is_none() -> None:
    other = called(to="nora@example.org", body="Hello")
    assert times(faulty(called(), called(), other), sibling(called())) == {"box.send": 2}
    assert times(faulty(called(), other), sibling(called())) == {}


def test_arguments_in_another_order_are_the_same_mail() -> None:
    turned = called(body="Hello", to="mira@example.org")
    assert times(faulty(called(), turned), sibling(called())) == {"box.send": 2}


def test_what_the_task_does_twice_anyway_is_no_duplicate() -> None:
    assert times(faulty(called(), called()), sibling(called(), called())) == {}
    assert times(faulty(called(), called(), called()), sibling(called(), called())) == {
        "box.send": 3
    }


def test_a_call_that_failed_had_no_effect_but_one_whose_answer_was_lost_had() -> None:
    assert times(faulty(called(kind="tool_error"), called()), sibling(called())) == {}
    assert times(faulty(called(kind="server_crash"), called()), sibling(called())) == {}
    assert times(faulty(called(kind="timeout"), called()), sibling(called())) == {"box.send": 2}


def test_reading_twice_and_writing_the_same_twice_over_itself_is_no_duplicate() -> None:
    for tool in ("look", "put"):
        assert times(faulty(called(tool), called(tool)), sibling(called(tool))) == {}
    assert times(faulty(called("silent"), called("silent")), sibling()) == {"box.silent": 2}


def test_what_the_gateway_tried_again_is_no_call_of_the_framework() -> None:
    tries = [
        ModelTry(agent="solo", started_s=0, ended_s=0, ordinal=1, attempt=attempt, provider="",
                 model="m", decision=decision)
        for attempt, decision in ((1, "retry"), (2, "answered"))
    ]
    found = recovery(faulty(model_call(1), *tries), sibling(model_call(1)))
    assert (found.extra_model_calls, found.gateway_tries) == (0, 1)


def test_trials_that_differ_in_more_than_the_fault_are_not_compared() -> None:
    with pytest.raises(ValueError, match="no fault-free sibling"):
        recovery(faulty(), sibling(repeat=1))
    with pytest.raises(ValueError, match="no fault-free sibling"):
        recovery(faulty(), faulty())
