"""What the wire tells of a team whose runner tells nothing."""

from typing import Any

from agentdyno.core.event import Message, Step
from agentdyno.core.pattern import (
    Handoff,
    Parallel,
    Pipeline,
    Reflection,
    RoundRobin,
    Selector,
    Single,
    Stop,
    Supervisor,
)
from agentdyno.core.trial import USER_SIMULATOR
from agentdyno.experiments.derived import derived
from agentdyno.tests.experiments.talks import talk


def told(*talked: Any) -> list[tuple[str, ...]]:
    """Return what is derived, in order, each as a few words."""
    events = derived(*talk(*talked))
    assert all(event.derived for event in events)
    return [
        ("says", event.agent, event.text, *event.to) if isinstance(event, Message)
        else (event.action, event.agent, event.name, event.to) for event in events
    ]


def test_a_text_that_goes_with_tool_calls_is_not_finished():
    assert told(Single(agent="solo"), ["solo"], [
        ("solo", {"search": {"q": "x"}}), ("solo", "found"),
    ]) == [("says", "solo", "found")]


def test_structured_answers_are_texts_too():
    assert told(Single(agent="solo"), ["solo"], [("solo", {"final_result": {"n": 1}})]) == [
        ("says", "solo", '{"n": 1}')]


def test_a_pipeline_enters_each_agent_once():
    assert told(Pipeline(steps=("a", "b")), ["a", "b"], [
        ("a", {"search": {}}), ("a", "one"), ("b", "two"),
    ]) == [("node", "a", "a", ""), ("says", "a", "one"), ("node", "b", "b", ""),
           ("says", "b", "two")]


def test_a_chat_ends_with_the_word_of_those_who_may_say_it_or_with_its_last_message():
    chat = RoundRobin(agents=("a", "b"), stop=Stop(text="END", by=("b",)), max_messages=9)
    words = told(chat, ["a", "b"], [("a", "END?"), ("b", "END")])
    assert words[-1] == ("stopped", "", "text", "")
    assert len(words) == 3
    short = chat.model_copy(update={"max_messages": 1})
    assert told(short, ["a", "b"], [("a", "hm")])[-1] == ("stopped", "", "max_messages", "")


def test_a_selectors_word_is_a_choice_and_no_message():
    chat = Selector(agents=("a", "b"), selector="chair", stop=Stop(text="END"))
    assert told(chat, ["a", "b", "chair"], [
        ("chair", "b"), ("b", "hm"), ("chair", '{"next_speaker": "a of the team"}'), ("a", "END"),
        ("chair", "nobody"),
    ]) == [
        ("selected", "chair", "b", "b"), ("says", "b", "hm"), ("selected", "chair", "a", "a"),
        ("says", "a", "END"), ("stopped", "", "text", ""),
    ]


def test_delegation_is_seen_in_each_frameworks_form():
    team = Supervisor(manager="boss", workers=("a", "b"))
    assert told(team, ["boss", "a", "b"], [
        ("boss", {"a": {"task": "dig"}, "search": {}}), ("a", "dug"),
        ("boss", {"delegate_work_to_coworker": {"coworker": "B of the Team", "task": "count"}}),
        ("b", "seven"), ("boss", "all done"),
    ]) == [
        ("delegated", "boss", "dig", "a"), ("says", "a", "dug", "boss"),
        ("returned", "a", "", "boss"), ("delegated", "boss", "count", "b"),
        ("says", "b", "seven", "boss"), ("returned", "b", "", "boss"), ("says", "boss", "all done"),
    ]


def test_a_handoff_is_a_call_of_a_transfer_tool():
    team = Handoff(start="a", handoffs={"a": ("b",)})
    assert told(team, ["a", "b"], [("a", {"transfer_to_b": {}}), ("b", "hello")]) == [
        ("handoff", "a", "transfer_to_b", "b"), ("says", "b", "hello")]


def test_rounds_of_reflection_are_counted_until_approval():
    pair = Reflection(writer="a", critic="b", approval="OK", max_rounds=2)
    assert told(pair, ["a", "b"], [
        ("a", {"search": {}}), ("a", "draft"), ("b", "no"), ("a", "better"), ("b", "OK"),
    ]) == [
        ("round", "", "round 1", ""), ("says", "a", "draft", "b"), ("says", "b", "no", "a"),
        ("round", "", "round 2", ""), ("says", "a", "better", "b"), ("says", "b", "OK", "a"),
        ("stopped", "", "approval", ""),
    ]
    assert told(pair, ["a", "b"], [("a", "x"), ("b", "no"), ("a", "y"), ("b", "no")])[-1] == (
        "stopped", "", "max_rounds", "")


def test_side_by_side_everybody_speaks_to_the_synthesizer():
    team = Parallel(agents=("a", "b"), synthesizer="c")
    said = told(team, ["a", "b", "c"], [("a", "one"), ("b", "two"), ("c", "three")])
    assert [words for words in said if words[0] == "says"] == [
        ("says", "a", "one", "c"), ("says", "b", "two", "c"), ("says", "c", "three")]


def test_nothing_is_derived_of_a_runner_that_tells_itself_but_a_simulated_user_is_no_runner():
    trial, wire = talk(Single(agent="solo"), ["solo"], [("solo", "hello")])
    times = {"started_s": 0.0, "ended_s": 0.0}
    user = Message(agent=USER_SIMULATOR, text="hi", **times)
    step = Step(agent="solo", name="node", **times)
    with_user = trial.model_copy(update={"events": (*trial.events, user)})
    assert len(derived(with_user, wire)) == 1
    with_step = trial.model_copy(update={"events": (*trial.events, step)})
    assert derived(with_step, wire) == ()


def test_a_trial_from_before_patterns_still_has_its_messages():
    assert told(None, ["solo"], [("solo", "hello")]) == [("says", "solo", "hello")]


def test_an_error_and_an_answer_that_cannot_be_read_are_no_texts():
    trial, wire = talk(Single(agent="solo"), ["solo"], [("solo", "a"), ("solo", "b")])
    failed = trial.events[0].model_copy(update={"status": 500})
    torn = wire[1].model_copy(update={"response": "{"})
    changed = trial.model_copy(update={"events": (failed, trial.events[1])})
    assert derived(changed, (wire[0], torn)) == ()
