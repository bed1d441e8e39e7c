"""The Chat Completions dialect: request to `Conversation`, `Reply` to JSON or to events."""

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
from agentdyno.models.memo import Memo
from agentdyno.models.wire import Envelope, content_parts, flag, model_name, pieces, tool_offer

_ROLES: dict[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant",
    "tool": "tool",
}
_known_messages: Memo[bytes, ChatMessage] = Memo()
_known_tools: Memo[bytes, tuple[ToolOffer, ...]] = Memo()


def parse_chat(body: dict[str, Any]) -> Conversation:
    """Read the body of a chat completions request.

    Raises:
        RequestError: the body is not such a request, or asks for what this gateway cannot do.
    """
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RequestError("messages must be a non-empty array", "messages")
    if body.get("n") not in (None, 1):
        raise RequestError("only n=1 is supported", "n")
    options = body.get("stream_options")
    return Conversation(
        model=model_name(body),
        messages=_messages(messages),
        tools=_tools(body.get("tools")),
        tool_choice=_tool_choice(body.get("tool_choice")),
        parallel=flag(body, "parallel_tool_calls", True),
        output=_output(body.get("response_format")),
        stream=flag(body, "stream", False),
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        echo={},
    )


def render_chat(reply: Reply, envelope: Envelope) -> bytes:
    """Return the body of the response."""
    message: dict[str, Any] = {
        "role": "assistant", "content": reply.text or (None if reply.calls else ""),
        "refusal": None,
    }
    if reply.calls:
        message["tool_calls"] = [_call(call) for call in reply.calls]
    choice = {
        "index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason,
    }
    head = _head(envelope, "chat.completion")
    return orjson.dumps({**head, "choices": [choice], "usage": chat_usage(envelope.usage)})


def chat_frames(reply: Reply, envelope: Envelope, conversation: Conversation) -> list[bytes]:
    """Return the server-sent events of the response, one per chunk, `[DONE]` included."""
    head = _head(envelope, "chat.completion.chunk")
    if conversation.include_usage:
        head["usage"] = None

    def frame(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return b"data: " + orjson.dumps({**head, "choices": [choice]}) + b"\n\n"

    frames = [frame({"role": "assistant", "content": "" if reply.text else None})]
    frames += [frame({"content": piece}) for piece in pieces(reply.text)]
    for at, call in enumerate(reply.calls):
        opening = _call(call)
        opening["function"]["arguments"] = ""
        frames.append(frame({"tool_calls": [{"index": at, **opening}]}))
        frames += [
            frame({"tool_calls": [{"index": at, "function": {"arguments": piece}}]})
            for piece in pieces(call.arguments)
        ]
    frames.append(frame({}, reply.finish_reason))
    if conversation.include_usage:
        last = {**head, "choices": [], "usage": chat_usage(envelope.usage)}
        frames.append(b"data: " + orjson.dumps(last) + b"\n\n")
    frames.append(b"data: [DONE]\n\n")
    return frames


def chat_usage(tokens: TokenCount) -> dict[str, Any]:
    """Return `tokens` in the form of this API."""
    return {
        "prompt_tokens": tokens.prompt, "completion_tokens": tokens.completion,
        "total_tokens": tokens.prompt + tokens.completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _head(envelope: Envelope, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{envelope.id}", "object": kind, "created": envelope.created,
        "model": envelope.model,
    }


def _call(call: ToolUse) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _messages(items: list[Any]) -> tuple[ChatMessage, ...]:
    messages = []
    for at, item in enumerate(items):
        key = orjson.dumps(item)
        message = _known_messages.get(key)
        if message is None:
            message = _message(item, f"messages[{at}]")
            _known_messages.keep(key, message)
        messages.append(message)
    return tuple(messages)


def _message(item: Any, param: str) -> ChatMessage:
    if not isinstance(item, dict):
        raise RequestError("a message must be an object", param)
    role = _ROLES.get(str(item.get("role")))
    if role is None:
        raise RequestError(f"unknown role {item.get('role')!r}", f"{param}.role")
    name = item.get("name")
    call_id = item.get("tool_call_id") if role == "tool" else None
    if role == "tool" and not isinstance(call_id, str):
        raise RequestError("a tool message needs a tool_call_id", f"{param}.tool_call_id")
    calls = item.get("tool_calls") or []
    if not isinstance(calls, list):
        raise RequestError("tool_calls must be an array", f"{param}.tool_calls")
    return ChatMessage(
        role=role, parts=content_parts(item.get("content"), f"{param}.content"),
        name=name if isinstance(name, str) else None, call_id=call_id,
        calls=tuple(_read_call(call, f"{param}.tool_calls") for call in calls),
    )


def _read_call(call: Any, param: str) -> ToolUse:
    try:
        function = call["function"]
        use = ToolUse(id=call["id"], name=function["name"], arguments=function["arguments"])
    except (KeyError, TypeError) as error:
        raise RequestError("a tool call needs id, function.name and function.arguments",
                           param) from error
    if not all(isinstance(text, str) for text in (use.id, use.name, use.arguments)):
        raise RequestError("id, name and arguments of a tool call must be strings", param)
    return use


def _tools(tools: Any) -> tuple[ToolOffer, ...]:
    if tools is None:
        return ()
    if not isinstance(tools, list):
        raise RequestError("tools must be an array", "tools")
    key = orjson.dumps(tools)
    known = _known_tools.get(key)
    if known is not None:
        return known
    offers = []
    for at, tool in enumerate(tools):
        if not isinstance(tool, dict) or tool.get("type") != "function":
            raise RequestError("only tools of type function are supported", f"tools[{at}].type")
        offers.append(tool_offer(tool, tool.get("function"), f"tools[{at}].function"))
    _known_tools.keep(key, tuple(offers))
    return tuple(offers)


def _tool_choice(choice: Any) -> str:
    if choice is None:
        return "auto"
    if choice in ("auto", "none", "required"):
        return str(choice)
    function = choice.get("function") if isinstance(choice, dict) else None
    if isinstance(function, dict) and isinstance(function.get("name"), str):
        return str(function["name"])
    raise RequestError("tool_choice must be auto, none, required or a function", "tool_choice")


def _output(wanted: Any) -> OutputFormat | None:
    kind = wanted.get("type") if isinstance(wanted, dict) else wanted
    if kind in (None, "text"):
        return None
    if kind == "json_object":
        return OutputFormat(kind="json_object")
    described = wanted.get("json_schema") if kind == "json_schema" else None
    if isinstance(described, dict) and isinstance(described.get("schema"), dict):
        return OutputFormat(kind="json_schema", schema=described["schema"])
    raise RequestError("response_format must be text, json_object or a json_schema with a schema",
                       "response_format")
