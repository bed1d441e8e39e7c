"""Checks that a trial repeats a recorded conversation: the same tool calls, the same answers."""

from collections.abc import Sequence
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

import orjson

from agentdyno.core.canonical import canonical_json
from agentdyno.core.check import ExpectedCall, SameAnswerCheck, SameToolCallsCheck
from agentdyno.core.event import ToolCall
from agentdyno.core.trial import Trial
from agentdyno.evals.behaviour import same_json
from agentdyno.evals.finding import Finding, failed, passed

CALL_ROWS = ("conversation", "empty_answers", "repeated_calls", "tool_schemas")
"""Rows of the parity manifest that can explain other tool calls than the recorded ones."""
ANSWER_ROWS = ("conversation", "empty_answers", "message_texts")
"""The same for answers."""
_CONTEXT = 40
"""Characters shown on each side of the first difference of two texts."""
_SHOWN = 300


class RecordingFault(Exception):
    """The recording cannot be read, so the check can say nothing about the agent."""


def same_tool_calls(trial: Trial, check: SameToolCallsCheck, folder: Path) -> Finding:
    """Compare every tool call with the recorded ones; names the first difference."""
    expected = _expected(check, folder)
    made = sorted(
        (event for event in trial.events if isinstance(event, ToolCall)),
        key=lambda call: call.started_s,
    )
    at, swapped, told = 0, 0, _declared(trial, CALL_ROWS)
    for _, group in groupby(enumerate(expected), key=lambda item: item[1].step or -item[0]):
        wanted = [call for _, call in group]
        came = made[at : at + len(wanted)]
        if not all(map(_is, wanted, came)) and _matched(wanted, came):
            swapped += 1
        elif len(came) < len(wanted) or not all(map(_is, wanted, came)):
            return failed(f"{_first_difference(wanted, came, at, len(expected))}{told}")
        at += len(wanted)
    if len(made) > at:
        more = f"call {at + 1} was not recorded: {_shown(made[at])}"
        return failed(f"{more} ({len(made)} calls were made, {at} recorded){told}")
    order = f"; {swapped} groups of parallel calls arrived in another order" if swapped else ""
    texts = _texts_beside(check, folder)
    beside = _declared(trial, ("text_beside_calls",), f"; {texts} texts beside calls: ")
    return passed(
        f"{at} tool calls as recorded: names, arguments, order{order}{beside if texts else ''}"
    )


def _texts_beside(check: SameToolCallsCheck, folder: Path) -> int:
    """Return how often the recorded model said something beside its calls."""
    if check.recording is None:
        return 0
    steps = {call["step"] for call in _read(folder, check.recording, "calls") if call.get("said")}
    return len(steps)


def _expected(check: SameToolCallsCheck, folder: Path) -> Sequence[ExpectedCall]:
    if check.calls is not None:
        return check.calls
    return [
        ExpectedCall(
            tool=f"{check.server}.{call['tool']}", arguments=call["arguments"], step=call["step"]
        )
        for call in _read(folder, check.recording, "calls")
    ]


def _is(wanted: ExpectedCall, call: ToolCall) -> bool:
    return wanted.tool == f"{call.server}.{call.tool}" and same_json(
        wanted.arguments, call.arguments
    )


def _matched(wanted: Sequence[ExpectedCall], came: Sequence[ToolCall]) -> bool:
    """Whether `came` is a permutation of `wanted`."""
    rest = list(came)
    for each in wanted:
        match = next((call for call in rest if _is(each, call)), None)
        if match is None:
            return False
        rest.remove(match)
    return not rest


def _first_difference(
    wanted: Sequence[ExpectedCall], came: Sequence[ToolCall], at: int, total: int
) -> str:
    for number, (want, call) in enumerate(zip_longest(wanted, came), start=at + 1):
        where = f"call {number} of {total}"
        if call is None:
            return f"{where} was not made: {_wanted(want)}; {number - 1} calls were made"
        if f"{call.server}.{call.tool}" != want.tool:
            return f"{where}: {_wanted(want)} was recorded, {_shown(call)} came"
        if not _is(want, call):
            return f"{where}, {want.tool}: {_argument(want.arguments, call.arguments)}"
    raise AssertionError("no difference")


def _argument(wanted: dict[str, Any], given: dict[str, Any]) -> str:
    for key, value in wanted.items():
        if key not in given:
            return f"argument {key!r} was recorded as {_json(value)}, and is missing"
        if not same_json(value, given[key]):
            return f"argument {key!r} was recorded as {_json(value)}, and is {_json(given[key])}"
    extra = next(key for key in given if key not in wanted)
    return f"argument {extra!r} was not recorded, and is {_json(given[extra])}"


def same_answer(trial: Trial, check: SameAnswerCheck, folder: Path) -> Finding:
    """Compare one answer, or all, with the recorded text; quotes the first difference."""
    answers: Sequence[str | None] = (
        [check.text] if check.recording is None else _read(folder, check.recording, "answers")
    )
    if check.every_turn:
        wanted = {number: text for number, text in enumerate(answers, start=1) if text is not None}
    else:
        turn = check.turn or len(trial.user_turns)
        text = check.text if check.recording is None else (dict(enumerate(answers, 1)).get(turn))
        if text is None:
            raise RecordingFault(f"{check.recording} holds no answer to user turn {turn}")
        wanted = {turn: text}
    for turn, text in wanted.items():
        if turn > len(trial.answers):
            count = len(trial.answers)
            return failed(f"user turn {turn} has no answer; the team gave {count}")
        if trial.answers[turn - 1] != text:
            difference = _text_difference(text, trial.answers[turn - 1])
            return failed(f"turn {turn}: {difference}{_declared(trial, ANSWER_ROWS)}")
    return passed(f"{len(wanted)} answer{'s' * (len(wanted) != 1)} as recorded, to the letter")


def _text_difference(wanted: str, given: str) -> str:
    at = next(
        (i for i, (one, other) in enumerate(zip(wanted, given, strict=False)) if one != other),
        min(len(wanted), len(given)),
    )
    start = max(0, at - _CONTEXT)
    parts = [_json(text[start : at + _CONTEXT]) for text in (wanted, given)]
    return f"differs from character {at + 1} on: recorded {parts[0]}, given {parts[1]}"


def _declared(trial: Trial, names: Sequence[str], before: str = "; ") -> str:
    """Return what the runner's parity manifest declares under `names`, in their order."""
    rows = sorted(
        (row for row in trial.report.parity
         if row.name in names and row.requested != row.effective),
        key=lambda row: names.index(row.name),
    )
    told = "; ".join(f"{row.name}: {row.effective} ({row.note})" for row in rows)
    return f"{before}the runner declares {told}" if told else ""


def _read(folder: Path, name: str | None, key: str) -> Any:
    assert name is not None
    try:
        return orjson.loads((folder / name).read_bytes())[key]
    except OSError as error:
        raise RecordingFault(f"{name} cannot be read: {error.strerror}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise RecordingFault(f"{name} is no recording: {error}") from error


def _wanted(call: ExpectedCall) -> str:
    return f"{call.tool} {_json(call.arguments)}"


def _shown(call: ToolCall) -> str:
    return f"{call.server}.{call.tool} {_json(call.arguments)}"


def _json(value: Any) -> str:
    text = canonical_json(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
