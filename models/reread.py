"""A provider's whole answer, read back into a `Reply`, whatever dialect and framing carried it."""

from typing import Any

import orjson

from agentdyno.core.event import TokenCount
from agentdyno.models.conversation import Reply, ToolUse
from agentdyno.models.upstream import Api


def reread(body: bytes, api: Api, *, stream: bool) -> tuple[Reply, TokenCount | None]:
    """Return what an answer says, and the usage that it tells.

    Raises:
        ValueError: it is not an answer of this API.
    """
    try:
        if api == "chat":
            return _chat(_events(body)) if stream else _chat([orjson.loads(body)])
        if not stream:
            return _response(orjson.loads(body))
        return _response(next(
            event["response"] for event in reversed(_events(body)) if "response" in event
        ))
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError, StopIteration) as error:
        raise ValueError(f"not an answer of the {api} API: {error!r}") from error


def _events(body: bytes) -> list[Any]:
    data = [line[5:].strip() for line in body.splitlines() if line.startswith(b"data:")]
    return [orjson.loads(text) for text in data if text not in (b"", b"[DONE]")]


def _chat(chunks: list[Any]) -> tuple[Reply, TokenCount | None]:
    """Join chunks; a whole answer is a single one whose `message` is its `delta`."""
    text, finish, usage = "", None, None
    calls: dict[int, dict[str, str]] = {}
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"][:1]:
            said = choice.get("delta") or choice.get("message") or {}
            text += said.get("content") or said.get("refusal") or ""
            finish = choice.get("finish_reason") or finish
            for at, part in enumerate(said.get("tool_calls") or ()):
                call = calls.setdefault(part.get("index", at), dict.fromkeys(_CALL, ""))
                function = part.get("function") or {}
                call["id"] += part.get("id") or ""
                call["name"] += function.get("name") or ""
                call["arguments"] += function.get("arguments") or ""
    uses = tuple(ToolUse(**calls[index]) for index in sorted(calls))
    count = usage and TokenCount(
        prompt=usage["prompt_tokens"], completion=usage["completion_tokens"],
        cached=(usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0,
    )
    return _reply(text, uses, finish == "length"), count


def _response(response: Any) -> tuple[Reply, TokenCount | None]:
    text, uses = "", []
    for item in response["output"]:
        if item["type"] == "message":
            text += "".join(p.get("text") or p.get("refusal") or "" for p in item["content"])
        elif item["type"] == "function_call":
            uses.append(ToolUse(id=item["call_id"], name=item["name"],
                                arguments=item["arguments"]))
    usage = response.get("usage")
    count = usage and TokenCount(
        prompt=usage["input_tokens"], completion=usage["output_tokens"],
        cached=(usage.get("input_tokens_details") or {}).get("cached_tokens") or 0,
    )
    return _reply(text, tuple(uses), response.get("status") == "incomplete"), count


def _reply(text: str, uses: tuple[ToolUse, ...], cut: bool) -> Reply:
    return Reply(
        text=text, calls=uses, finish_reason="length" if cut else "tool_calls" if uses else "stop"
    )


_CALL = ("id", "name", "arguments")
