"""Requests and answers of both dialects as lines that people read and diffs compare."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agentdyno.models.cassette.recordings import ModelRecording
from agentdyno.models.cassette.sse import data_of

_PROMPT_KEYS = ("instructions", "messages", "input")


def prompt_lines(request: Mapping[str, Any]) -> list[str]:
    """Return instructions and messages, one line per line of text."""
    lines: list[str] = []
    if isinstance(request.get("instructions"), str):
        lines += _block("instructions", request["instructions"])
    conversation = request.get("messages", request.get("input"))
    if isinstance(conversation, str):
        lines += _block("user", conversation)
    for item in conversation if isinstance(conversation, list) else ():
        lines += message_lines(item)
    return lines


def message_lines(item: Any) -> list[str]:
    """Return one message or item of a conversation."""
    if not isinstance(item, dict):
        return _block("input", _text(item))
    kind = item.get("type")
    if kind == "function_call":
        return [f"[calls] {item.get('name')} {item.get('arguments')} ({item.get('call_id')})"]
    if kind == "function_call_output":
        return _block(f"tool result {item.get('call_id')}", _text(item.get("output")))
    head = str(item.get("role", kind))
    more = {k: v for k, v in item.items()
            if k not in ("role", "type", "content", "tool_calls", "tool_call_id") and v is not None}
    head += f" {item['tool_call_id']}" if item.get("tool_call_id") else ""
    head += f" {_compact(more)}" if more else ""
    lines = _block(head, _text(item.get("content")))
    for call in item.get("tool_calls") or ():
        function = call.get("function") or {}
        lines.append(f"[calls] {function.get('name')} {function.get('arguments')} "
                     f"({call.get('id')})")
    return lines


def tool_lines(request: Mapping[str, Any]) -> list[str]:
    """Return the tool schemas, sorted keys, one tool after the other."""
    lines: list[str] = []
    for tool in request.get("tools") or ():
        function = tool.get("function", tool) if isinstance(tool, dict) else {}
        lines.append(f"tool {function.get('name', tool)}")
        rest = {key: value for key, value in function.items() if key != "name"}
        text = json.dumps(rest, indent=2, sort_keys=True, ensure_ascii=False)
        lines += [f"  {line}" for line in text.splitlines()[1:-1]]
    return lines


def parameter_lines(request: Mapping[str, Any]) -> list[str]:
    """Return everything else of a request, one line per key."""
    return [
        f"{key}: {_compact(value)}" for key, value in sorted(request.items())
        if key not in (*_PROMPT_KEYS, "tools")
    ]


def answer_lines(call: ModelRecording) -> list[str]:
    """Return what was answered: text, tool calls, or the error."""
    if call.status >= 400:
        return _block(f"error {call.status}", call.body_text())
    if call.stream:
        return _streamed([data_of(chunk.text) for chunk in call.stream])
    try:
        body = json.loads(call.body_text())
    except ValueError:
        return _block("answer", call.body_text())
    if call.api == "embeddings":
        return [f"{len(body.get('data') or ())} vectors"]
    if call.api == "responses":
        return [line for item in body.get("output") or () for line in message_lines(item)]
    return [
        line for choice in body.get("choices") or () for line in message_lines(choice["message"])
    ]


def _streamed(events: Sequence[Any]) -> list[str]:
    text = ""
    calls: dict[Any, dict[str, str]] = {}
    for event in events:
        if not isinstance(event, dict):
            continue
        if event.get("type") in ("response.completed", "response.incomplete"):
            output = (event.get("response") or {}).get("output") or ()
            return [line for item in output for line in message_lines(item)]
        for choice in event.get("choices") or ():
            delta = choice.get("delta") or {}
            text += delta.get("content") or ""
            for call in delta.get("tool_calls") or ():
                known = calls.setdefault(call.get("index"), {"name": "", "arguments": "", "id": ""})
                known["id"] += call.get("id") or ""
                for key in ("name", "arguments"):
                    known[key] += (call.get("function") or {}).get(key) or ""
    lines = _block("assistant", text) if text or not calls else []
    return lines + [f"[calls] {c['name']} {c['arguments']} ({c['id']})" for c in calls.values()]


def _block(head: str, text: str) -> list[str]:
    return [f"[{head}]", *(f"  {line}" for line in text.splitlines())]


def _text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, list):
        return "\n".join(
            block["text"] if isinstance(block, dict) and isinstance(block.get("text"), str)
            else _compact(block) for block in content
        )
    return _compact(content)


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
