"""One tool result looks the same to a script, whatever a framework wraps around it."""

import json
from typing import Any

import pytest

from agentdyno.models.toolresult import read_result

VALUE = {"total": 12.5}
TEXT = json.dumps(VALUE)
BLOCK = {"type": "text", "text": TEXT, "annotations": None}


@pytest.mark.parametrize("parts", [
    (TEXT,), (json.dumps(BLOCK),), (json.dumps([BLOCK]),), (json.dumps({"result": VALUE}),),
    (json.dumps(TEXT),), (json.dumps(VALUE, indent=2),),
])
def test_wrapping_is_taken_off(parts: tuple[str, ...]) -> None:
    result = read_result(parts)
    assert result.value == VALUE
    assert not result.failed


@pytest.mark.parametrize(("parts", "value"), [
    (("plain words",), "plain words"), (("12",), 12), (("null",), None), ((), ""),
    (('{"a": 1}', '{"a": 2}'), [{"a": 1}, {"a": 2}]), (("one", "two"), "one\ntwo"),
    (("2004-01-01",), "2004-01-01"), (('{"result": 1, "unit": "x"}',), {"result": 1, "unit": "x"}),
])
def test_text_stays_text_and_json_becomes_a_value(parts: tuple[str, ...], value: Any) -> None:
    assert read_result(parts).value == value


@pytest.mark.parametrize("text", [
    "Error executing tool returns: no such symbol", "Error processing mcp-server-time query: x",
    "Error: ToolException('x')\n Please fix your mistakes.", "Unknown tool: x",
    "An error occurred while running the tool. Please try again.", "Traceback (most recent call",
    "no such symbol\n\nFix the errors and try again.", '{"error": "no such symbol"}',
    "Input validation error: 'x' is required", "ToolException: x", "error executing tool x",
    "I encountered an error while trying to use the tool.",
    "Error executing task with agent 'keeper of all the old accounts'. Error: max_iter=2",
])
def test_errors_are_told_from_results(text: str) -> None:
    assert read_result((text,)).failed


@pytest.mark.parametrize("text", [
    "Errors were rare in 2004, the report says: none", "No error was found", '{"error": null}',
    "The standard error of the mean is 2.", '{"errors_seen": 3}',
])
def test_results_that_speak_of_errors_are_no_errors(text: str) -> None:
    assert not read_result((text,)).failed
