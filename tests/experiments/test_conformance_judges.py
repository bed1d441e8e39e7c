"""Each requirement of a team can be broken, and says what is wrong."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from agentdyno.core.event import Message, Step
from agentdyno.core.trial import Outcome, Usage
from agentdyno.experiments.conformance import judges, teamwork
from agentdyno.experiments.conformance.case import MAIN, Case, CaseSpec, all_cases, cases_of
from agentdyno.experiments.conformance.play import Played
from agentdyno.experiments.conformance.requirements import REQUIREMENTS
from agentdyno.tests.experiments.talks import Reply, talk

SELECTOR = cases_of("selector")[MAIN]
TIMES = {"started_s": 0.0, "ended_s": 0.0}
GOOD: tuple[Message | Step, ...] = (
    Step(agent="chooser", action="selected", name="scout", to="scout", **TIMES),
    Message(agent="scout", text="scout-said k7 1127089", **TIMES),
    Step(agent="chooser", action="selected", name="judge", to="judge", **TIMES),
    Message(agent="judge", text="judge-said VERDICT on k7 1127089", **TIMES),
    Step(agent="", action="stopped", name="text", **TIMES),
)


def played(
    case: Case, replies: Iterable[tuple[str, Reply]] = (), declared: Iterable[Any] = (),
    **changes: Any,
) -> Played:
    """Return `case` as a runner might have played it."""
    trial, wire = talk(case.pattern, [spec.name for spec in case.agents], tuple(replies))
    trial = trial.model_copy(update={
        "agents": case.agents, "events": (*trial.events, *declared), **changes,
    })
    return Played(case=case, trial=trial, wire=wire, absent=frozenset(), late=())


def test_the_outcome_must_be_one_that_the_case_allows():
    ended = played(SELECTOR, outcome=Outcome.AGENT_FAULT, reason="ValueError: no")
    assert list(judges.outcome(ended)) == [
        "it ended with agent_fault, not completed: ValueError: no"]


def test_who_has_no_part_is_not_billed():
    calls = [("chooser", "x"), ("chooser", "x"), ("scout", "x"), ("idle", "x"), ("judge", "x")]
    assert sorted(judges.calls(played(SELECTOR, calls))) == [
        "idle made 1 model calls, not 0", "scout made 1 model calls, not 2"]
    nobody = cases_of("selector")["nobody"]
    assert list(judges.calls(played(nobody, [("chooser", "x")] * 7))) == [
        "chooser made 7 model calls, more than 6"]


def test_messages_are_all_of_them_in_order_and_no_more():
    assert not list(teamwork.messages(played(SELECTOR, declared=GOOD)))
    for bad in (GOOD[:1], (*GOOD, GOOD[1]), GOOD[::-1]):
        (wrong,) = teamwork.messages(played(SELECTOR, declared=bad))
        assert "and should be\n  scout: scout-said k7 1127089\n  judge: judge-said VERDICT" in wrong


def test_messages_go_to_whom_they_are_for():
    case = cases_of("supervisor")[MAIN]
    said = [
        Message(agent=each.agent, text=each.text, to=each.to or (), **TIMES)
        for each in case.spec.said or ()
    ]
    assert not list(teamwork.messages(played(case, declared=said)))
    astray = [said[0].model_copy(update={"to": ()}), *said[1:]]
    assert list(teamwork.messages(played(case, declared=astray))) == [
        "the message of digger is to (), not to ('boss',)"]


@pytest.mark.parametrize("bad", [
    GOOD[1:], (*GOOD, GOOD[-1]), (GOOD[2], GOOD[0], GOOD[-1]),
    (GOOD[0].model_copy(update={"to": "idle"}), *GOOD[1:]),
    (*GOOD[:-1], GOOD[-1].model_copy(update={"name": "max_messages"})),
])
def test_steps_are_all_of_them_in_order_and_no_more(bad: tuple[Any, ...]):
    assert not list(teamwork.steps(played(SELECTOR, declared=GOOD)))
    (wrong,) = teamwork.steps(played(SELECTOR, declared=bad))
    assert wrong.endswith("stopped: text")


def test_steps_side_by_side_may_come_in_any_order_but_must_all_come():
    case = cases_of("dag")[MAIN]
    steps = [
        Step(agent=stage.agent or "", action="node", name="n", **TIMES)
        for stage in case.spec.steps or ()
    ]
    assert not list(teamwork.steps(played(case, declared=steps[::-1])))
    assert list(teamwork.steps(played(case, declared=steps[1:])))
    assert list(teamwork.steps(played(case, declared=[*steps, steps[0]])))


def test_a_text_declared_late_is_told_unless_the_wire_told_it():
    late = replace(played(SELECTOR, declared=GOOD), late=(("scout", "hm"),))
    assert list(teamwork.moments(late)) == [
        "the message of scout was not declared before the next agent worked: 'hm'"]


def asking(case: Case, agent: str, content: str, role: str = "user") -> Played:
    """Return `case` with one call of `agent` that shows it `content`."""
    shown = played(case, [(agent, "x")])
    result = {"tool_call_id": "c"} if role == "tool" else {}
    body = {"model": "m", "messages": [{"role": role, "content": content, **result}]}
    return replace(
        shown, wire=[shown.wire[0].model_copy(update={"request": json.dumps(body)})]
    )


def test_who_sees_too_little_or_too_much_is_told():
    case = cases_of("parallel")[MAIN]
    wrong = list(teamwork.sees(asking(case, "west", "east-said k7 1127089")))
    assert "west never sees task" in wrong
    assert "west sees east" in wrong


def test_what_is_delegated_must_arrive_to_the_letter():
    case = cases_of("supervisor")[MAIN]
    due = case.spec.gets["digger"]
    assert not [
        line for line in teamwork.gets(asking(case, "digger", "Task:\n" + "\n\n".join(due)))
        if line.startswith("digger")
    ]
    mangled = asking(case, "digger", "\n\n".join(due).replace("{braces}", "braces"))
    wrong = [line for line in teamwork.gets(mangled) if line.startswith("digger")]
    assert len(wrong) == 1
    assert "DIG k7" in wrong[0]


def test_each_call_carries_its_agents_own_settings():
    wrong = list(judges.own_settings(asking(SELECTOR, "judge", "hello")))
    assert wrong == [
        "a call of judge lacks its instructions",
        "a call of judge asks for temperature None, not 0.1",
    ]


def test_reported_tokens_must_be_those_of_the_wire():
    said = played(SELECTOR, usage_reported=Usage(prompt_tokens=3, completion_tokens=0))
    assert list(judges.usage(said)) == ["it reports 3 prompt tokens, the wire says 0"]


def test_agents_that_do_not_come_together_are_told():
    apart = replace(played(cases_of("parallel")[MAIN]), absent=frozenset({"west"}))
    (wrong,) = judges.together(apart)
    assert wrong.startswith("west did not begin while the others waited")


def test_a_failure_is_told_by_a_tools_result_or_by_how_the_trial_ends():
    case = cases_of("supervisor")["worker_fails"]
    assert not list(judges.told(asking(case, "boss", "Error: it is on fire", role="tool")))
    (wrong,) = judges.told(asking(case, "boss", "on fire, says the user"))
    assert wrong == "boss goes on, and was never told of 'on fire'"
    silent = played(case, outcome=Outcome.AGENT_FAULT, reason="RuntimeError: oh")
    assert "without a word of 'on fire'" in "".join(judges.told(silent))
    honest = played(case, outcome=Outcome.AGENT_FAULT, reason="APIError: on fire")
    assert not list(judges.told(honest))


def test_a_selector_that_names_nobody_is_asked_again_and_never_replaced_in_silence():
    case = cases_of("selector")["nobody"]
    assert list(judges.asked_again(played(case, [("chooser", "x"), ("scout", "x")]))) == [
        "chooser was asked 1 times, not again"]
    wrong = list(judges.asked_again(played(
        case, [("chooser", "x"), ("chooser", "x"), ("scout", "x")],
        outcome=Outcome.AGENT_FAULT, reason="KeyError: 3",
    )))
    assert wrong == [
        "scout worked although nobody was named",
        "the trial's reason does not say that nobody was named: KeyError: 3",
    ]


def test_every_requirement_applies_to_a_case_and_has_a_reason():
    for requirement in REQUIREMENTS:
        assert requirement.reason
        assert any(requirement.applies(case) for case in all_cases()), requirement.id


def test_a_case_may_be_about_another_word():
    about = SELECTOR.about("k9")
    assert about.spec.user == ("TASK k9. I want a VERDICT.",)
    assert isinstance(about.spec, CaseSpec)
    assert "k7" not in about.spec.model_dump_json()
