"""Checks against a recording's file: what they read, and what they say when it differs."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from agentdyno.core.check import CheckSpec
from agentdyno.core.event import ToolCall
from agentdyno.core.trial import Outcome, Setting, Trial, TrialKey, Verdict, WorkerReport
from agentdyno.evals.checks import evaluate

RECORDING = {
    "calls": [
        {"turn": 1, "step": 1, "tool": "find", "arguments": {"q": "a"}, "result": None},
        {"turn": 1, "step": 1, "tool": "find", "arguments": {"q": "b"}, "result": None},
        {"turn": 2, "step": 2, "tool": "book", "arguments": {"n": 1.0, "who": [{"x": None}]},
         "result": None},
    ],
    "answers": ["found", None, "booked"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "recorded.json").write_text(json.dumps(RECORDING))
    return tmp_path


def call(tool: str, at: float, **arguments: Any) -> ToolCall:
    return ToolCall(
        agent="assistant", started_s=at, ended_s=at, ordinal=0, server="recorded", tool=tool,
        arguments=arguments, is_error=False, result_text="",
    )


FIND_A, FIND_B = call("find", 1, q="a"), call("find", 2, q="b")
BOOK = call("book", 3, n=1, who=[{"x": None}])


def verdict(folder: Path, spec: dict[str, Any], **changes: Any) -> Verdict:
    whole: dict[str, Any] = {
        "id": "t", "outcome": Outcome.COMPLETED, "answers": ("found", "sure", "booked"),
        "user_turns": ("a", "b", "c"), "started_at": "2026-01-01T00:00:00Z", "duration_s": 1,
        "events": (FIND_A, FIND_B, BOOK), "report": WorkerReport(ended="returned"),
        "key": TrialKey(scenario="s", scenario_digest="0", runner="r", runner_version="0",
                        runner_digest="0", model_digest="0"),
    }
    adapter: TypeAdapter[Any] = TypeAdapter(CheckSpec)
    check = adapter.validate_python({"id": "c", "recording": "recorded.json", **spec})
    [found] = evaluate(Trial(**(whole | changes)), [check], folder)
    return found


CALLS = {"type": "same_tool_calls"}
ANSWERS = {"type": "same_answer", "every_turn": True}


def test_calls_as_recorded_pass(folder: Path) -> None:
    found = verdict(folder, CALLS)
    assert (found.status, found.reason) == (
        "pass", "3 tool calls as recorded: names, arguments, order"
    )


def test_calls_of_one_model_turn_may_arrive_in_any_order_and_the_reason_says_so(
    folder: Path,
) -> None:
    swapped = (call("find", 1, q="b"), call("find", 2, q="a"), BOOK)
    found = verdict(folder, CALLS, events=swapped)
    assert found.status == "pass"
    assert "1 groups of parallel calls arrived in another order" in found.reason


def test_calls_of_different_model_turns_may_not_change_places(folder: Path) -> None:
    late = (FIND_A, call("book", 2, **BOOK.arguments), call("find", 3, q="b"))
    found = verdict(folder, CALLS, events=late)
    assert found.status == "fail"
    assert found.reason.startswith('call 2 of 3: recorded.find {"q":"b"} was recorded')


def test_what_the_runner_declares_stands_beside_the_difference(folder: Path) -> None:
    rows = (
        Setting(name="tool_schemas", requested="as listed", effective="strict", note="rewritten"),
        Setting(name="conversation", requested="all", effective="all"),
        Setting(name="temperature", requested=0, effective=None, note="dropped"),
    )
    report = WorkerReport(ended="returned", parity=rows)
    lost = (FIND_A, FIND_B, call("book", 3, n=1))
    found = verdict(folder, CALLS, events=lost, report=report)
    assert found.reason == (
        "call 3 of 3, recorded.book: argument 'who' was recorded as [{\"x\":null}], and is missing"
        "; the runner declares tool_schemas: strict (rewritten)"
    )


def test_every_recorded_answer_is_compared_and_a_missing_one_is_left_out(folder: Path) -> None:
    assert verdict(folder, ANSWERS).reason == "2 answers as recorded, to the letter"
    wrong = verdict(folder, ANSWERS, answers=("found ", "sure", "booked"))
    assert wrong.reason == (
        'turn 1: differs from character 6 on: recorded "found", given "found "'
    )


def test_the_last_answer_is_compared_by_default(folder: Path) -> None:
    assert verdict(folder, {"type": "same_answer"}, answers=("", "", "booked")).status == "pass"
    assert verdict(folder, {"type": "same_answer"}, answers=("found",)).reason == (
        "user turn 3 has no answer; the team gave 1"
    )


@pytest.mark.parametrize(
    ("content", "part"),
    [(None, "cannot be read: No such file"), ("[", "is no recording"), ("{}", "is no recording")],
)
def test_a_broken_recording_is_an_error_and_no_verdict_about_the_agent(
    tmp_path: Path, content: str | None, part: str
) -> None:
    if content is not None:
        (tmp_path / "recorded.json").write_text(content)
    for spec in (CALLS, ANSWERS):
        found = verdict(tmp_path, spec)
        assert found.status == "error"
        assert part in found.reason


def test_a_turn_without_a_recorded_answer_cannot_be_asked_for(folder: Path) -> None:
    found = verdict(folder, {"type": "same_answer", "turn": 2})
    assert (found.status, "no answer to user turn 2" in found.reason) == ("error", True)


def test_a_text_beside_a_call_that_the_runner_drops_is_told_with_the_pass(tmp_path: Path) -> None:
    calls = [{**RECORDING["calls"][0], "said": "Looking."}]  # type: ignore[dict-item]
    (tmp_path / "recorded.json").write_text(json.dumps({**RECORDING, "calls": calls}))
    row = Setting(name="text_beside_calls", requested="kept", effective="dropped", note="not sent")
    for rows, told in (((), ""), ((row,), "; 1 texts beside calls: the runner declares "
                                          "text_beside_calls: dropped (not sent)")):
        report = WorkerReport(ended="returned", parity=rows)
        found = verdict(tmp_path, CALLS, events=(FIND_A,), report=report)
        assert (found.status, found.reason) == (
            "pass", f"1 tool calls as recorded: names, arguments, order{told}"
        )
