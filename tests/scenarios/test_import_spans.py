"""OpenTelemetry spans become scenarios where they carry messages, and say so where they do not."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agentdyno.core.errors import InputError
from agentdyno.scenarios.importing import ImportResult, import_files

CALL = {"type": "tool_call", "id": "c1", "name": "find", "arguments": {"q": "x"}}
ANSWER = {"type": "tool_call_response", "id": "c1", "response": {"found": 1}}
TOOL = {"type": "function", "name": "find", "description": "Finds.",
        "parameters": {"type": "object", "properties": {"q": {"type": "string"}}}}


def said(role: str, *parts: Any) -> dict[str, Any]:
    return {"role": role, "parts": [
        {"type": "text", "content": part} if isinstance(part, str) else part for part in parts
    ]}


TALK = [said("user", "go"), said("assistant", "Looking.", CALL), said("tool", ANSWER),
        said("assistant", "found 1")]


def value(plain: Any) -> dict[str, Any]:
    """Return OTLP's AnyValue."""
    if isinstance(plain, bool):
        return {"boolValue": plain}
    if isinstance(plain, int):
        return {"intValue": str(plain)}
    if isinstance(plain, list):
        return {"arrayValue": {"values": [value(item) for item in plain]}}
    if isinstance(plain, dict):
        return {"kvlistValue": {"values": pairs(plain)}}
    return {"stringValue": plain}


def pairs(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value(plain)} for key, plain in attributes.items()]


def span(attributes: Mapping[str, Any], events: Sequence[tuple[str, Any]] = (), at: int = 1,
         operation: str = "chat") -> dict[str, Any]:
    named = {"gen_ai.operation.name": operation, **attributes}
    return {
        "traceId": "t1", "spanId": f"s{at}", "name": f"{operation} gpt", "attributes": pairs(named),
        "events": [{"name": name, "attributes": pairs(held)} for name, held in events],
    }


def export(*spans: Any) -> dict[str, Any]:
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": spans}]}]}


def imported(folder: Path, *exports: Any) -> ImportResult:
    file = folder / "spans.json"
    file.write_text("\n".join(json.dumps(each) for each in exports))
    return import_files([file], folder / "to", force=True)


def the_talk(result: ImportResult) -> None:
    """Assert that the one scenario is `TALK`."""
    (made,) = result.scenarios
    talk = made.conversation
    (turn,) = talk.turns
    assert (talk.instructions, turn.text, turn.answer) == ("Be kind.", "go", "found 1")
    (found,) = turn.calls
    assert found.result is not None
    assert (found.tool, found.arguments) == ("find", {"q": "x"})
    assert json.loads("".join(found.result.texts)) == {"found": 1}


def conventions(end: int) -> dict[str, Any]:
    """Return the attributes of the call whose answer is message `end`."""
    return {
        "gen_ai.system_instructions": [{"type": "text", "content": "Be kind."}],
        "gen_ai.input.messages": TALK[:end], "gen_ai.output.messages": [TALK[end]],
        "gen_ai.tool.definitions": [TOOL],
    }


def as_json(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: json.dumps(held) for key, held in attributes.items()}


@pytest.mark.parametrize("write", [dict, as_json], ids=["structured", "json"])
def test_the_longest_request_of_a_conversation_is_the_conversation(
    tmp_path: Path, write: Any
) -> None:
    whole = write({"gen_ai.input.messages": TALK[:1], "gen_ai.output.messages": TALK[3:]})
    result = imported(tmp_path, export(
        span(whole, at=0, operation="invoke_agent"), span(write(conventions(1))),
        span({}, at=5, operation="execute_tool"), span(write(conventions(3)), at=2),
    ))
    the_talk(result)
    (tool,) = result.scenarios[0].conversation.tools
    assert (tool.inferred, tool.description) == (False, "Finds.")
    assert result.scenarios[0].conversation.turns[0].steps[0].text == "Looking."


def test_an_agents_span_serves_where_no_model_call_has_messages(tmp_path: Path) -> None:
    attributes = {"gen_ai.system_instructions": [{"type": "text", "content": "Be kind."}],
                  "gen_ai.input.messages": TALK[:3], "gen_ai.output.messages": TALK[3:]}
    the_talk(imported(tmp_path, export(span(attributes, operation="invoke_agent"))))


def test_messages_on_the_details_event_are_read(tmp_path: Path) -> None:
    details = [("gen_ai.client.inference.operation.details", conventions(3))]
    the_talk(imported(tmp_path, export(span({}, details))))


OLD_CALL = {"id": "c1", "type": "function",
            "function": {"name": "find", "arguments": '{"q": "x"}'}}
OLD_EVENTS = [
    ("gen_ai.system.message", {"content": "Be kind."}),
    ("gen_ai.user.message", {"content": "go"}),
    ("gen_ai.assistant.message", {"content": "Looking.", "tool_calls": json.dumps([OLD_CALL])}),
    ("gen_ai.tool.message", {"id": "c1", "content": '{"found": 1}'}),
    ("gen_ai.choice", {"index": 0, "finish_reason": "stop",
                       "message": json.dumps({"role": "assistant", "content": "found 1"})}),
]


def test_one_event_for_each_message_is_read(tmp_path: Path) -> None:
    the_talk(imported(tmp_path, export(span({}, OLD_EVENTS))))


def test_events_in_log_records_belong_to_the_span_that_they_name(tmp_path: Path) -> None:
    records = [
        {"spanId": "s1", "eventName": name, "body": value(
            {key: json.loads(held) if key in ("message", "tool_calls") else held
             for key, held in body.items()})}
        for name, body in OLD_EVENTS
    ]
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [
        *records, {"spanId": "other", "eventName": "gen_ai.user.message", "body": value("x")},
    ]}]}]}
    the_talk(imported(tmp_path, logs, export(span({}))))


def test_the_two_content_events_are_read(tmp_path: Path) -> None:
    prompt = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "go"},
              {"role": "assistant", "content": "", "tool_calls": [OLD_CALL]},
              {"role": "tool", "tool_call_id": "c1", "content": '{"found": 1}'}]
    completion = [{"role": "assistant", "content": "found 1"}]
    the_talk(imported(tmp_path, export(span({}, [
        ("gen_ai.content.prompt", {"gen_ai.prompt": json.dumps(prompt)}),
        ("gen_ai.content.completion", {"gen_ai.completion": json.dumps(completion)}),
    ]))))


def test_numbered_attributes_are_read(tmp_path: Path) -> None:
    result = imported(tmp_path, export(span({
        "gen_ai.prompt.0.role": "system", "gen_ai.prompt.0.content": "Be kind.",
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": json.dumps([{"type": "text", "text": "go"}]),
        "gen_ai.prompt.2.role": "assistant", "gen_ai.prompt.2.tool_calls.0.id": "c1",
        "gen_ai.prompt.2.tool_calls.0.name": "find",
        "gen_ai.prompt.2.tool_calls.0.arguments": '{"q": "x"}',
        "gen_ai.prompt.10.role": "tool", "gen_ai.prompt.10.tool_call_id": "c1",
        "gen_ai.prompt.10.content": '{"found": 1}',
        "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": "found 1",
        "llm.request.functions.0.name": "find",
        "llm.request.functions.0.parameters": json.dumps(TOOL["parameters"]),
    })))
    the_talk(result)
    assert not result.scenarios[0].conversation.tools[0].inferred


def test_what_a_console_exporter_prints_is_read(tmp_path: Path) -> None:
    printed = {
        "name": "chat gpt", "context": {"trace_id": "0x1", "span_id": "0x2"}, "kind": "CLIENT",
        "attributes": {"gen_ai.operation.name": "chat", **as_json(conventions(3))}, "events": [],
    }
    file = tmp_path / "console.txt"
    file.write_text("\n".join(json.dumps(each, indent=4) for each in ({**printed, "attributes": {}},
                                                                      printed)))
    the_talk(import_files([file], tmp_path / "to"))


def test_two_agents_of_one_trace_are_two_conversations(tmp_path: Path) -> None:
    other = {"gen_ai.input.messages": [said("user", "other")],
             "gen_ai.output.messages": [said("assistant", "ok")]}
    result = imported(tmp_path, export(span(conventions(3)), span(other, at=2)))
    assert [made.name for made in result.scenarios] == ["spans_1", "spans_2"]


@pytest.mark.parametrize("spans", [
    (span({"gen_ai.usage.input_tokens": 3}),),
    (span({}, operation="execute_tool"), span({"http.method": "GET"}, [("log", {"a": 1})])),
    (),
], ids=["no content", "other spans", "no span"])
def test_spans_without_messages_are_refused_with_the_switch_that_brings_them(
    tmp_path: Path, spans: Any
) -> None:
    with pytest.raises(InputError) as caught:
        imported(tmp_path, export(*spans))
    message = caught.value.message
    assert f"none of {len(spans)} spans carries messages" in message
    assert "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true" in message


def test_model_calls_without_messages_beside_others_are_told(tmp_path: Path) -> None:
    result = imported(tmp_path, export(span({}, at=7), span(conventions(3))))
    assert result.notes[0].startswith("1 model calls carry no messages")


def test_a_broken_message_in_a_span_is_refused_with_the_spans_line(tmp_path: Path) -> None:
    bad = {"gen_ai.input.messages": [said("user", {"type": "blob", "content": "x"})],
           "gen_ai.output.messages": [said("assistant", "ok")]}
    file = tmp_path / "spans.json"
    file.write_text(json.dumps(export(span({}), span(bad)), indent=1))
    with pytest.raises(InputError) as caught:
        import_files([file], tmp_path / "to")
    (problem,) = caught.value.problems
    assert "a part of type 'blob' cannot be replayed" in problem.message
    assert problem.key.startswith("resourceSpans.0.scopeSpans.0.spans.1")
    lines = file.read_text().splitlines()
    assert problem.line > next(at for at, line in enumerate(lines, 1) if '"s1"' in line)
