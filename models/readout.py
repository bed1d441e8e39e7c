"""Reads what a provider's answer says as it passes by; no byte of it is touched.

Framing of server-sent events is done here: kept libraries pull events out of a response of their
own HTTP client. httpx2's `EventSource`, fed with a made-up response, costs 18 microseconds of CPU
per token where this takes 5, and 13 MB to import: with it the gateway would miss its goal of 45
microseconds per token.
"""

from abc import ABC, abstractmethod
from typing import Any

import orjson

from agentdyno.core.event import TokenCount
from agentdyno.models.upstream import Api

_BLANK_LINES = (b"\n\n", b"\n\r\n", b"\r\r")
_INCOMPLETE = {"max_output_tokens": "length"}
_CALLS = ("function_call", "custom_tool_call")
_SAID = ("content", "refusal")
_THOUGHT = ("reasoning_content", "reasoning")


class Readout(ABC):
    """What was read of one answer so far; what cannot be read is left out, never an error."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        """Pieces of the answer's text."""
        self.calls: list[dict[str, str]] = []
        """`id`, `name` and `arguments` of each tool call."""
        self.finish_reason: str | None = None
        """OpenAI finish reason, of whatever dialect."""
        self.model = ""
        """Model that the answer names."""
        self.error: str | None = None
        """Message of an error that stands in the answer instead of its end."""
        self.contents = 0
        """Pieces of content (text, reasoning, tool calls), an opening role not counted."""
        self.ended = False
        """Whether a stream has said that nothing follows."""
        self._usage: dict[str, Any] = {}
        self._tokens: TokenCount | None = None
        self._pending = bytearray()

    @property
    def tokens(self) -> TokenCount | None:
        """Usage that the answer tells; null when it tells none."""
        if self._tokens is None and self._usage:
            self._tokens = _token_count(self._usage)
        return self._tokens

    @property
    def tail(self) -> bytes:
        """Bytes of a stream that belong to an event which is not complete."""
        return bytes(self._pending)

    def feed(self, chunk: bytes) -> bytes:
        """Read the next bytes of a stream; return those of all events that are complete now."""
        if self._pending or not chunk.endswith(b"\n\n"):
            pending = self._pending
            start = max(0, len(pending) - 2)
            pending += chunk
            end = max(at + len(mark) if (at := pending.rfind(mark, start)) >= 0 else 0
                      for mark in _BLANK_LINES)
            chunk = bytes(pending[:end])
            del pending[:end]
        lines: list[bytes] = []
        for line in chunk.splitlines():
            if line.startswith(b"data:"):
                lines.append(line[5:])
            elif not line and lines:
                self._payload(b"\n".join(lines))
                lines.clear()
        return chunk

    def whole(self, body: bytes) -> None:
        """Read an answer that is no stream."""
        data = _parsed(body)
        self._failed(data.get("error"))
        self._answer(data)

    def _payload(self, payload: bytes) -> None:
        if payload.strip() == b"[DONE]":
            self.ended = True
            return
        data = _parsed(payload)
        self._failed(data.get("error"))
        self._event(data)

    def _failed(self, error: Any) -> None:
        if error:
            said = _fields(error).get("message", error)
            self.error = said if isinstance(said, str) else orjson.dumps(said).decode()

    def _head(self, data: dict[str, Any]) -> None:
        model, usage = data.get("model"), data.get("usage")
        if isinstance(model, str):
            self.model = model
        if isinstance(usage, dict):
            self._usage, self._tokens = usage, None

    def _say(self, text: Any) -> None:
        if isinstance(text, str) and text:
            self.texts.append(text)
            self.contents += 1

    @abstractmethod
    def _event(self, data: dict[str, Any]) -> None:
        """Read one event of a stream."""

    @abstractmethod
    def _answer(self, data: dict[str, Any]) -> None:
        """Read a whole body."""


class ChatReadout(Readout):
    """Reads Chat Completions."""

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[tuple[Any, Any], dict[str, str]] = {}

    def _event(self, data: dict[str, Any]) -> None:
        self._head(data)
        for choice in _items(data.get("choices")):
            index, finish = choice.get("index"), choice.get("finish_reason")
            self._message(_fields(choice.get("delta") or choice.get("message")), index)
            if finish and (self.finish_reason is None or index == 0):
                self.finish_reason = str(finish)

    _answer = _event

    def _message(self, said: dict[str, Any], choice: Any) -> None:
        for key in _SAID:
            if said.get(key):
                self._say(said[key])
        if any(said.get(key) for key in _THOUGHT):
            self.contents += 1
        for at, call in enumerate(_items(said.get("tool_calls"))):
            self._call(call, (choice, call.get("index", at)))
        if said.get("function_call"):
            self._call({"function": said["function_call"]}, (choice, None))

    def _call(self, sent: dict[str, Any], place: tuple[Any, Any]) -> None:
        """Add to the call at `place`; some servers give all calls one index, but never one id."""
        call, function = self._open.get(place), _fields(sent.get("function") or sent.get("custom"))
        name = str(sent.get("id") or "")
        if call is None or (name and name != call["id"]):
            call = self._open[place] = {"id": name, "name": "", "arguments": ""}
            self.calls.append(call)
        call["name"] = call["name"] or str(function.get("name") or "")
        call["arguments"] += str(function.get("arguments") or function.get("input") or "")
        self.contents += 1


class ResponsesReadout(Readout):
    """Reads Responses; their status and what is incomplete become a finish reason."""

    def _event(self, data: dict[str, Any]) -> None:
        kind, delta = data.get("type"), data.get("delta")
        if kind in ("response.output_text.delta", "response.refusal.delta"):
            self._say(delta)
        elif kind in ("response.output_item.added", "response.output_item.done"):
            self._item(_fields(data.get("item")))
        elif kind == "error":
            self._failed(data)
            self.ended = True
        elif kind in ("response.completed", "response.incomplete", "response.failed"):
            self._ending(_fields(data.get("response")))
            self.ended = True
        elif delta:
            self.contents += 1
        else:
            self._head(_fields(data.get("response")))

    def _answer(self, data: dict[str, Any]) -> None:
        for item in _items(data.get("output")):
            if item.get("type") == "message":
                for part in _items(item.get("content")):
                    self._say(part.get("text") or part.get("refusal"))
        self._ending(data)

    def _ending(self, response: dict[str, Any]) -> None:
        self._head(response)
        for item in _items(response.get("output")):
            self._item(item)
        status = response.get("status")
        self._failed(response.get("error"))
        if status == "completed":
            self.finish_reason = "tool_calls" if self.calls else "stop"
        elif status == "incomplete":
            reason = str(_fields(response.get("incomplete_details")).get("reason") or "length")
            self.finish_reason = _INCOMPLETE.get(reason, reason)
        elif status in ("failed", "cancelled") and self.error is None:
            self.error = f"the provider says that the response has {status}"

    def _item(self, item: dict[str, Any]) -> None:
        """Take a call, which stands in its first event, in its last and in the whole response."""
        if item.get("type") not in _CALLS:
            return
        name = str(item.get("call_id") or item.get("id") or "")
        call = next((known for known in self.calls if name and known["id"] == name), None)
        if call is None:
            call = {"id": name, "name": str(item.get("name") or ""), "arguments": ""}
            self.calls.append(call)
            self.contents += 1
        call["arguments"] = str(item.get("arguments") or item.get("input") or "")


class EmbeddingsReadout(Readout):
    """Reads who made the vectors and what that cost."""

    def _event(self, data: dict[str, Any]) -> None:
        self._head(data)

    _answer = _event


_KINDS: dict[Api, type[Readout]] = {
    "chat": ChatReadout, "responses": ResponsesReadout, "embeddings": EmbeddingsReadout,
}


def readout_of(api: Api) -> Readout:
    """Return an empty readout for answers of a dialect."""
    return _KINDS[api]()


def _token_count(usage: dict[str, Any]) -> TokenCount | None:
    prompt = usage.get("prompt_tokens", usage.get("input_tokens"))
    completion = usage.get("completion_tokens", usage.get("output_tokens", 0))
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    details = usage.get("prompt_tokens_details", usage.get("input_tokens_details"))
    cached = _fields(details).get("cached_tokens")
    return TokenCount(
        prompt=prompt, completion=completion, cached=cached if isinstance(cached, int) else 0)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        return _fields(orjson.loads(body))
    except orjson.JSONDecodeError:
        return {}


def _fields(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
