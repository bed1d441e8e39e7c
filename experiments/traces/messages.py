"""Messages of a model call in the JSON of the GenAI conventions, within the room of one span."""

from collections.abc import Sequence
from typing import Any

import orjson

from agentdyno.experiments.exchanges import Exchange
from agentdyno.experiments.traces.cutter import Cutter, cut, dumped
from agentdyno.models.conversation import ChatMessage, Reply, RequestError, ToolUse

_OWN_SIZE = 60
"""Characters of JSON around a message's text."""


def input_messages(exchange: Exchange, cutter: Cutter) -> str:
    """Return what was asked as JSON: the first message and as many of the last as there is room
    for, with a line in place of those between. A request that cannot be read stands as it is."""
    try:
        asked = exchange.asked.messages
    except RequestError:
        return cutter.text(exchange.wire.request)
    if not asked:
        return "[]"
    first, *rest = asked
    opening = _message(first, cutter, cutter.room // 4)
    left = cutter.room - _size(opening)
    kept: list[dict[str, Any]] = []
    for message in reversed(rest):
        shown = _message(message, cutter, cutter.room // 2)
        left -= _size(shown)
        # The newest is what the call is about; it is shown whatever room there is.
        if left < 0 and kept:
            break
        kept.append(shown)
    between = len(rest) - len(kept)
    gap = [_said("system", f"({between} messages left out)")] if between else []
    return _bounded([opening, *gap, *reversed(kept)], cutter)


def output_messages(reply: Reply, finish_reason: str | None, cutter: Cutter) -> str:
    """Return what was answered as JSON."""
    parts = [*_texts((reply.text,), cutter, cutter.room // 2),
             *(_call(call, cutter) for call in reply.calls)]
    message: dict[str, Any] = {"role": "assistant", "parts": parts}
    message["finish_reason"] = finish_reason or reply.finish_reason
    return _bounded([message], cutter)


def text_messages(role: str, texts: Sequence[str], cutter: Cutter) -> str:
    """Return plain texts of one speaker as JSON."""
    room = cutter.room // (2 * max(1, len(texts)))
    return orjson.dumps([_said(role, cutter.text(text, room)) for text in texts]).decode()


def _message(message: ChatMessage, cutter: Cutter, room: int) -> dict[str, Any]:
    if message.role == "tool":
        answer = {"type": "tool_call_response", "id": message.call_id or "",
                  "response": cutter.text(message.text, room)}
        return {"role": "tool", "parts": [answer]}
    shown: dict[str, Any] = {"role": message.role, "parts": [
        *_texts(message.parts, cutter, room), *(_call(call, cutter) for call in message.calls),
    ]}
    return shown | ({"name": cutter.text(message.name)} if message.name else {})


def _texts(texts: Sequence[str], cutter: Cutter, room: int) -> list[dict[str, Any]]:
    return [{"type": "text", "content": cutter.text(text, room)} for text in texts if text]


def _call(call: ToolUse, cutter: Cutter) -> dict[str, Any]:
    arguments = cutter.text(call.arguments)
    shown: object = call.parsed if call.parsed and arguments == call.arguments else arguments
    return {"type": "tool_call", "id": cutter.text(call.id), "name": cutter.text(call.name),
            "arguments": shown}


def _said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _bounded(messages: list[dict[str, Any]], cutter: Cutter) -> str:
    """Return `messages` as JSON; of one with thousands of parts the beginning."""
    return cut(orjson.dumps(messages).decode(), 3 * cutter.room)


def _size(message: dict[str, Any]) -> int:
    return _OWN_SIZE + sum(
        len(value) if isinstance(value, str) else len(dumped(value))
        for part in message["parts"] for value in part.values()
    )
