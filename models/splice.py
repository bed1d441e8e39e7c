"""Changes the model in a request and leaves every other byte as it is."""

import json
import re
from typing import Any

import orjson

_MEMBER = re.compile(rb'"model"\s*:\s*("(?:[^"\\]|\\.)*")', re.DOTALL)
_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def with_model(body: bytes, parsed: dict[str, Any], model: str) -> bytes:
    """Return `body` with `model` as the value of its own key "model".

    Args:
        body: a JSON object.
        parsed: the same, parsed; its "model" is a text.
        model: what stands there afterwards.
    """
    if parsed["model"] == model:
        return body
    value = orjson.dumps(model)
    found = list(_MEMBER.finditer(body))
    if len(found) == 1 and body.count(b"\\u") == 0:
        start, end = found[0].span(1)
        return body[:start] + value + body[end:]
    return _scanned(body.decode(), value.decode()).encode()


def _scanned(text: str, value: str) -> str:
    """Replace the value of every top-level key "model": the word stands elsewhere too."""
    parts, kept = [], 0
    at = _skip(text, text.index("{") + 1)
    while text[at] == '"':
        key, at = _DECODER.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, start)
        if key == "model":
            parts += [text[kept:start], value]
            kept = end
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return "".join([*parts, text[kept:]])


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
