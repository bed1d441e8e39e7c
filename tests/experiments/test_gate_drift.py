"""Wire drift: exact, located, and apart from statistics."""

from typing import Any

from agentdyno.core.event import WireRecord
from agentdyno.experiments.gate.drift import Place, first_difference
from agentdyno.experiments.gate.gate import gate
from agentdyno.experiments.gate.wireprint import WirePrint, print_wire
from agentdyno.tests.experiments.gated import HELLO, cases, kept, printed, state, suite
from agentdyno.tests.experiments.wires import ask, chat_tool, recorded, say


def where(before: dict[str, Any], now: dict[str, Any]) -> Place | None:
    return first_difference(printed(("solo", before)), printed(("solo", now)))


def test_equal_requests_have_equal_prints() -> None:
    assert where(HELLO, dict(reversed(HELLO.items()))) is None
    assert printed(("solo", HELLO)).digest == printed(("solo", HELLO)).digest


def test_a_prompt_that_changed_is_found_at_its_message() -> None:
    place = where(HELLO, ask(say("system", "Be very brief."), say("user", "Hello"),
                             temperature=0.0))
    assert place is not None
    assert (place.agent, place.what, place.field) == ("solo", "call 1", "messages.1.content")
    assert (place.before, place.now) == ('"Be brief."', '"Be very brief."')


def test_a_parameter_is_shown_with_both_values() -> None:
    place = where(HELLO, {**HELLO, "temperature": 0.7})
    assert place is not None
    assert (place.field, place.before, place.now) == ("temperature", "0.0", "0.7")


def test_a_tools_schema_is_found_by_tool_and_part() -> None:
    before = {**HELLO, "tools": [chat_tool()]}
    wordy = {**HELLO, "tools": [chat_tool(description="Finds documents by words, long ones too.")]}
    place = where(before, wordy)
    assert place is not None
    assert place.field == "tools.search.description"
    more = where(before, {**HELLO, "tools": [chat_tool(), chat_tool("extra")]})
    assert more is not None
    assert (more.field, more.before, more.now) == ("tools", '"search"', '"search, extra"')


def test_later_calls_are_kept_as_what_is_new_in_them() -> None:
    longer = {**HELLO, "messages": [*HELLO["messages"], say("assistant", "Hi"), say("user", "?")]}
    found = printed(("solo", HELLO), ("solo", longer))
    assert set(found.calls[1].changes) == {
        f"messages.{at}.{key}" for at in (3, 4) for key in ("role", "content")}
    assert found.requests()["solo", 2]["messages.1.content"] == '"Be brief."'
    shorter = printed(("solo", longer), ("solo", HELLO))
    assert "messages.4.role" not in shorter.requests()["solo", 2]


def test_a_call_more_is_told_after_what_changed_before_it() -> None:
    place = first_difference(printed(("solo", HELLO)), printed(("solo", HELLO), ("solo", HELLO)))
    assert place is not None
    assert (place.what, place.before, place.now) == ("call 2", "(nothing)", "a request")


def test_ids_of_a_trial_and_its_tool_calls_are_no_drift() -> None:
    def conversation(call: str) -> dict[str, Any]:
        asked = {"id": call, "type": "function", "function": {"name": "f", "arguments": "{}"}}
        return ask(say("user", "Hello"), {"role": "assistant", "tool_calls": [asked]},
                   {"role": "tool", "tool_call_id": call, "content": "1"})

    assert where(conversation("call_1234567890"), conversation("call_abcdefghij")) is None


def test_side_by_side_agents_may_interleave() -> None:
    one = printed(("a", HELLO), ("b", HELLO))
    other = printed(("b", HELLO), ("a", HELLO))
    assert one == other


def test_what_is_no_json_is_compared_as_it_stands() -> None:
    trial, _ = recorded("crewai", [])
    broken = WireRecord(seq=0, channel="model", agent="solo", started_s=0, request="{no",
                        response="")
    (call,) = print_wire(trial, [broken]).calls
    assert call.changes == {"body": '"{no"'}


def test_where_answers_vary_only_what_does_not_hang_on_them_is_kept() -> None:
    trial, wire = recorded("crewai", [
        ("solo", {**HELLO, "tools": [chat_tool()]}), ("solo", HELLO)])
    (call,) = print_wire(trial, wire, answers_vary=True).calls
    assert "messages.1.content" in call.changes
    assert "messages.2.content" not in call.changes
    assert {"temperature", "tools.search.parameters"} <= set(call.changes)


def drifted(**policy: str) -> Any:
    now = printed(("solo", {**HELLO, "temperature": 0.7}))
    before = state(cases(2, lambda case, at: kept(at, wire="w")),
                   wires={"w": printed(("solo", HELLO))})
    after = state(cases(2, lambda case, at: kept(at, wire="n" if case else "w")),
                  wires={"w": printed(("solo", HELLO)), "n": now})
    return gate(suite(policy=policy), before, after)


def test_drift_is_told_once_for_all_repeats_and_fails_the_gate() -> None:
    report = drifted()
    assert (report.verdict, report.exit_code) == ("regression", 1)
    (drift,) = report.drifts
    assert (drift.situation, drift.repeats, drift.field) == ("q01", (0, 1, 2), "temperature")
    assert {line.verdict for line in report.lines} == {"pass"}


def test_the_policy_may_only_warn_of_drift_or_ignore_it() -> None:
    warned, ignored = drifted(wire="warn"), drifted(wire="ignore")
    assert (warned.verdict, len(warned.drifts)) == ("pass", 1)
    assert (ignored.verdict, len(ignored.drifts)) == ("pass", 0)


def test_a_trial_that_the_bench_broke_off_has_not_drifted_by_being_short() -> None:
    both = {"w": printed(("solo", HELLO), ("solo", HELLO)), "n": printed(("solo", HELLO)),
            "none": WirePrint()}
    before = state(cases(10, lambda case, at: kept(at, wire="w")), wires=both)
    now = state(cases(10, lambda case, at: kept(
        at, wire="none" if (case, at) == (0, 0) else "w",
        outcome="harness_fault" if (case, at) == (0, 0) else "completed")), wires=both)
    assert gate(suite(), before, now).drifts == ()


def test_a_request_that_no_cassette_answers_is_drift_and_no_fault_of_the_bench() -> None:
    both = {"w": printed(("solo", HELLO)), "n": printed(("solo", {**HELLO, "temperature": 1.0}))}
    before = state(cases(2, lambda case, at: kept(at, wire="w")), wires=both)
    now = state(cases(2, lambda case, at: kept(
        at, wire="n", outcome="harness_fault", missed=True, reason="no recording answers call 1"
    )), wires=both)
    report = gate(suite(), before, now)
    assert report.exit_code == 1
    assert not report.broken
    assert report.drifts[0].told == "no recording answers call 1"
