"""The Responses dialect: request to `Conversation`, `Reply` to JSON or server-sent events.

The gateway keeps no conversations, so `previous_response_id`, `conversation` and references to
stored items are refused.
"""

from typing import Any

import orjson

from agentdyno.core.event import TokenCount
from agentdyno.models.conversation import (
    ChatMessage,
    Conversation,
    OutputFormat,
    Reply,
    RequestError,
    Role,
    ToolOffer,
    ToolUse,
)
from agentdyno.models.wire import Envelope, content_parts, flag, model_name, pieces, tool_offer

_ROLES: dict[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant",
}
_ECHOED = (
    "instructions", "max_output_tokens", "metadata", "parallel_tool_calls", "temperature", "text",
    "tool_choice", "tools", "top_p",
)


def parse_responses(body: dict[str, Any]) -> Conversation:
    """Read the body of a responses request.

    Raises:
        RequestError: the body is not such a request, or asks for what this gateway cannot do.
    """
    for key in ("previous_response_id", "conversation", "prompt", "background"):
        if body.get(key):
            raise RequestError(f"{key} is not supported: the gateway keeps no state", key)
    messages: list[ChatMessage] = []
    if isinstance(body.get("instructions"), str):
        messages.append(ChatMessage(role="system", parts=(body["instructions"],)))
    messages += _messages(body.get("input"))
    return Conversation(
        model=model_name(body), messages=tuple(messages), tools=_tools(body.get("tools")),
        tool_choice=_tool_choice(body.get("tool_choice")),
        parallel=flag(body, "parallel_tool_calls", True), output=_output(body.get("text")),
        stream=flag(body, "stream", False), include_usage=True,
        echo={key: body[key] for key in _ECHOED if body.get(key) is not None},
    )


def render_response(reply: Reply, envelope: Envelope, conversation: Conversation) -> bytes:
    """Return the body of the response."""
    return orjson.dumps(_response(envelope, conversation, _items(reply, envelope)))


def response_frames(reply: Reply, envelope: Envelope, conversation: Conversation) -> list[bytes]:
    """Return the server-sent events of the response."""
    frames: list[bytes] = []

    def frame(kind: str, **data: Any) -> None:
        event = {"type": kind, "sequence_number": len(frames), **data}
        frames.append(b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps(event)))

    started = _response(envelope, conversation, None)
    frame("response.created", response=started)
    frame("response.in_progress", response=started)
    items = _items(reply, envelope)
    for at, item in enumerate(items):
        where = {"output_index": at, "item_id": item["id"]}
        is_text = item["type"] == "message"
        opening: dict[str, Any] = {"content": []} if is_text else {"arguments": ""}
        frame("response.output_item.added", output_index=at,
              item={**item, **opening, "status": "in_progress"})
        if is_text:
            part = item["content"][0]
            frame("response.content_part.added", **where, content_index=0,
                  part={**part, "text": ""})
            for piece in pieces(part["text"]):
                frame("response.output_text.delta", **where, content_index=0, delta=piece,
                      logprobs=[])
            frame("response.output_text.done", **where, content_index=0, text=part["text"],
                  logprobs=[])
            frame("response.content_part.done", **where, content_index=0, part=part)
        else:
            for piece in pieces(item["arguments"]):
                frame("response.function_call_arguments.delta", **where, delta=piece)
            frame("response.function_call_arguments.done", **where, name=item["name"],
                  arguments=item["arguments"])
        frame("response.output_item.done", output_index=at, item=item)
    ended = _response(envelope, conversation, items)
    frame("response.completed", response=ended)
    return frames


def _response(
    envelope: Envelope, conversation: Conversation, output: list[dict[str, Any]] | None
) -> dict[str, Any]:
    return {
        "id": f"resp_{envelope.id}", "object": "response", "created_at": envelope.created,
        "status": "in_progress" if output is None else "completed", "error": None,
        "incomplete_details": None, "parallel_tool_calls": conversation.parallel,
        "tool_choice": "auto", "tools": [], **conversation.echo, "model": envelope.model,
        "output": output or [], "usage": None if output is None else _usage(envelope.usage),
    }


def _usage(tokens: TokenCount) -> dict[str, Any]:
    return {
        "input_tokens": tokens.prompt,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": tokens.completion, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": tokens.prompt + tokens.completion,
    }


def _items(reply: Reply, envelope: Envelope) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if reply.text or not reply.calls:
        content = {
            "type": "output_text", "text": reply.text, "annotations": [], "logprobs": [],
        }
        items.append({
            "type": "message", "id": f"msg_{envelope.id}", "status": "completed",
            "role": "assistant", "content": [content],
        })
    items += [
        {
            "type": "function_call", "id": f"fc_{call.id}", "call_id": call.id,
            "name": call.name, "arguments": call.arguments, "status": "completed",
        }
        for call in reply.calls
    ]
    return items


def _messages(given: Any) -> list[ChatMessage]:
    if isinstance(given, str):
        return [ChatMessage(role="user", parts=(given,))]
    if not isinstance(given, list) or not given:
        raise RequestError("input must be a string or a non-empty array", "input")
    messages: list[ChatMessage] = []
    for at, item in enumerate(given):
        if not isinstance(item, dict):
            raise RequestError("an input item must be an object", f"input[{at}]")
        _add(messages, item, f"input[{at}]")
    return messages


def _add(messages: list[ChatMessage], item: dict[str, Any], param: str) -> None:
    """Append one item; calls join the assistant message that they belong to."""
    kind = item.get("type", "message")
    if kind == "message":
        role = _ROLES.get(str(item.get("role")))
        if role is None:
            raise RequestError(f"unknown role {item.get('role')!r}", f"{param}.role")
        parts = content_parts(item.get("content"), f"{param}.content")
        messages.append(ChatMessage(role=role, parts=parts))
    elif kind == "function_call":
        use = ToolUse(id=_text(item, "call_id", param), name=_text(item, "name", param),
                      arguments=_text(item, "arguments", param))
        last = messages[-1] if messages and messages[-1].role == "assistant" else None
        if last is not None:
            messages.pop()
        messages.append(ChatMessage(
            role="assistant", parts=last.parts if last else (),
            calls=(*(last.calls if last else ()), use),
        ))
    elif kind == "function_call_output":
        parts = content_parts(item.get("output"), f"{param}.output")
        messages.append(
            ChatMessage(role="tool", parts=parts, call_id=_text(item, "call_id", param)))
    elif kind != "reasoning":
        raise RequestError(f"items of type {kind!r} are not supported", f"{param}.type")


def _text(item: dict[str, Any], key: str, param: str) -> str:
    value = item.get(key)
    if not isinstance(value, str):
        raise RequestError(f"{key} must be a string", f"{param}.{key}")
    return value


def _tools(tools: Any) -> tuple[ToolOffer, ...]:
    if tools is None:
        return ()
    if not isinstance(tools, list):
        raise RequestError("tools must be an array", "tools")
    for at, tool in enumerate(tools):
        if not isinstance(tool, dict) or tool.get("type") != "function":
            raise RequestError("only tools of type function are supported", f"tools[{at}].type")
    return tuple(tool_offer(tool, tool, f"tools[{at}]") for at, tool in enumerate(tools))


def _tool_choice(choice: Any) -> str:
    if choice is None:
        return "auto"
    if choice in ("auto", "none", "required"):
        return str(choice)
    if isinstance(choice, dict) and isinstance(choice.get("name"), str):
        return str(choice["name"])
    raise RequestError("tool_choice must be auto, none, required or a function", "tool_choice")


def _output(text: Any) -> OutputFormat | None:
    wanted = text.get("format") if isinstance(text, dict) else None
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind in (None, "text"):
        return None
    if kind == "json_object":
        return OutputFormat(kind="json_object")
    schema = wanted.get("schema") if isinstance(wanted, dict) else None
    if kind == "json_schema" and isinstance(schema, dict):
        return OutputFormat(kind="json_schema", schema=schema)
    raise RequestError("text.format must be text, json_object or a json_schema with a schema",
                       "text.format")
