"""The forms in which OpenTelemetry's GenAI instrumentations write the messages of a model call.

- `gen_ai.system_instructions`, `gen_ai.input.messages`, `gen_ai.output.messages` and
  `gen_ai.tool.definitions` (semantic conventions from 1.37 on), as span attributes or on the event
  `gen_ai.client.inference.operation.details`: messages of `parts`;
- events `gen_ai.system.message`, `gen_ai.user.message`, ... and `gen_ai.choice` (up to 1.36);
- events `gen_ai.content.prompt` and `gen_ai.content.completion` (up to 1.27);
- attributes `gen_ai.prompt.N.role`, `gen_ai.completion.N.content`, ... (OpenLLMetry).

All of them become messages of the OpenAI chat format.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

Attributes = Mapping[str, Any]
Event = tuple[str, Attributes]
Chat = dict[str, Any]

_DETAILS = "gen_ai.client.inference.operation.details"
_NUMBERED = re.compile(
    r"^(gen_ai\.prompt|gen_ai\.completion|llm\.request\.functions)\.(\d+)\.(.+)$"
)
_CALL = re.compile(r"^tool_calls\.(\d+)\.(id|name|arguments)$")
_MODEL_CALLS = ("chat", "text_completion", "generate_content")


def is_model_call(attributes: Attributes) -> bool:
    """Whether a span is one request to a model, by its operation."""
    return attributes.get("gen_ai.operation.name") in _MODEL_CALLS


def messages_of(attributes: Attributes, events: Sequence[Event]) -> list[Chat]:
    """Return the messages that a span carries, the model's answer last; [] when none."""
    details = {
        key: value for name, held in events if name == _DETAILS for key, value in held.items()
    }
    return (
        _from_parts({**attributes, **details}) or _from_events(events)
        or _from_contents(events) or _from_numbers(attributes)
    )


def tools_of(attributes: Attributes) -> list[Any]:
    """Return the tools that a span says were offered, as the chat API writes them."""
    given = _json(attributes.get("gen_ai.tool.definitions"))
    if isinstance(given, list):
        return given
    functions = _numbered(attributes, "llm.request.functions")
    return [{**function, "parameters": _json(function.get("parameters"))} for function in functions]


def _json(value: Any) -> Any:
    """Return what a text holds as JSON; anything else, and text that is none, as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _items(value: Any) -> list[dict[str, Any]]:
    found = _json(value)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _from_parts(attributes: Attributes) -> list[Chat]:
    instructions = _items(attributes.get("gen_ai.system_instructions"))
    sent = _items(attributes.get("gen_ai.input.messages"))
    answer = _items(attributes.get("gen_ai.output.messages"))
    if not sent and not answer:
        return []
    system = {"role": "system", "parts": instructions}
    return [
        chat for message in [*([system] if instructions else []), *sent, *answer[:1]]
        for chat in _of_parts(message)
    ]


def _of_parts(message: Mapping[str, Any]) -> list[Chat]:
    """Return one message for the texts and calls, and one for each tool result."""
    contents, calls, results = list[Any](), list[Any](), list[Chat]()
    for part in _items(message.get("parts")):
        match part.get("type"):
            case "text":
                contents.append({"type": "text", "text": part.get("content", part.get("text"))})
            case "tool_call":
                calls.append(_call(part))
            case "tool_call_response":
                value = part.get("response", part.get("result"))
                results.append({
                    "role": "tool", "tool_call_id": part.get("id"), "content": _text(value),
                })
            case "reasoning" | "thinking":
                continue
            case _:
                contents.append(part)
    if results and not contents and not calls:
        return results
    content = contents[0]["text"] if len(contents) == 1 and "text" in contents[0] else contents
    chat: Chat = {"role": message.get("role"), "content": content or None}
    return [*results, chat | ({"tool_calls": calls} if calls else {})]


def _call(part: Mapping[str, Any]) -> Chat:
    function = {"name": part.get("name"), "arguments": part.get("arguments")}
    return {"id": part.get("id"), "type": "function", "function": function}


def _text(value: Any) -> Any:
    """Return a tool's result as text: JSON where it is no text, or no list of content parts."""
    if isinstance(value, str):
        return value
    blocks = value if isinstance(value, list) else []
    if blocks and all(isinstance(b, dict) and b.get("type") == "text" for b in blocks):
        return [{"type": "text", "text": b.get("text", b.get("content"))} for b in blocks]
    return json.dumps(value, ensure_ascii=False)


def _from_events(events: Sequence[Event]) -> list[Chat]:
    messages: list[Chat] = []
    for name, held in events:
        role = re.fullmatch(r"gen_ai\.(system|user|assistant|tool)\.message", name)
        if role:
            messages.append(_plain({"role": role[1], **held}))
        elif name == "gen_ai.choice":
            message = _json(held.get("message"))
            inner = message if isinstance(message, dict) else held
            messages.append(_plain({"role": "assistant", **inner}))
    return messages


def _plain(message: Mapping[str, Any]) -> Chat:
    """Return one message of an event, whose parts may be JSON in text."""
    calls = _items(message.get("tool_calls"))
    chat: Chat = {"role": message["role"], "content": message.get("content")}
    if calls:
        chat["tool_calls"] = [
            {**call, "function": _json(call.get("function"))} if "function" in call else _call(call)
            for call in calls
        ]
    if message["role"] == "tool":
        chat["tool_call_id"] = message.get("tool_call_id", message.get("id"))
        chat["content"] = _text(message.get("content"))
    return chat


def _from_contents(events: Sequence[Event]) -> list[Chat]:
    messages: list[Chat] = []
    for name, key in (
        ("gen_ai.content.prompt", "gen_ai.prompt"),
        ("gen_ai.content.completion", "gen_ai.completion"),
    ):
        for event, held in events:
            if event == name:
                messages += [_plain(item) for item in _items(held.get(key)) if "role" in item]
    return messages


def _from_numbers(attributes: Attributes) -> list[Chat]:
    prompts = _numbered(attributes, "gen_ai.prompt")
    answers = _numbered(attributes, "gen_ai.completion")
    return [_of_numbers(message) for message in [*prompts, *answers[:1]]]


def _numbered(attributes: Attributes, prefix: str) -> list[dict[str, Any]]:
    """Return the maps that keys like `gen_ai.prompt.0.role` spell out, in order."""
    found: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        match = _NUMBERED.match(key)
        if match and match[1] == prefix:
            found.setdefault(int(match[2]), {})[match[3]] = value
    return [found[number] for number in sorted(found)]


def _of_numbers(message: Mapping[str, Any]) -> Chat:
    calls: dict[int, dict[str, Any]] = {}
    for key, value in message.items():
        match = _CALL.match(key)
        if match:
            calls.setdefault(int(match[1]), {})[match[2]] = value
    content = message.get("content")
    chat: Chat = {"role": message.get("role", "assistant"), "content": content}
    parts = _items(content)
    if parts and all(part.get("type") == "text" for part in parts):
        chat["content"] = parts
    if calls:
        chat["tool_calls"] = [_call(calls[number]) for number in sorted(calls)]
    if chat["role"] == "tool":
        chat["tool_call_id"] = message.get("tool_call_id")
    return chat
