"""What a tool returned, freed from what frameworks wrap around it.

The same result reaches the model as text, as a list of content blocks, as JSON of such blocks, or
as MCP's `{"result": ...}` around a value that is no object. A script must not care which.
"""

import re
from dataclasses import dataclass
from typing import Any

import orjson

_BLOCK_TYPES = ("text", "input_text", "output_text")
_FAILED = re.compile(
    r"""^\W*(?:
        error (?: \s+ [\w'"`./-]+ ){0,6} \s* (?: [:.] | $ )    # Error executing tool x: ...
      | error \s executing \s task \s with \s agent\b            # CrewAI, of a coworker
      | (?: an \s+ error | i \s+ encountered \s+ an \s+ error )\b
      | (?: \w+ )? (?: Error | Exception ) \s* [:(]            # ToolException(...)
      | Traceback\b
      | unknown \s+ tool\b
      | (?: input \s+ )? validation \s+ (?: error | feedback )\b
      | tool \s+ \S+ \s+ (?: not \s+ found | does \s+ not \s+ exist | is \s+ not )
      | failed \s+ to\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_RETRY_PROMPTS = ("fix the errors and try again.", "please fix your mistakes.",
                  "please fix the error and try again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """One result of one tool call, as the model is shown it."""

    value: Any
    """Parsed JSON, or the text when it is none."""
    text: str
    """The text without its wrapping."""
    failed: bool
    """Whether it tells of an error. Chat dialects have no flag for that, so this is read from the
    text: the phrases of MCP servers and of the frameworks, or a JSON object with `error`."""


def read_result(parts: tuple[str, ...]) -> ToolResult:
    """Read the content blocks of one tool message."""
    blocks = [text for part in parts for text in _unwrap(part)]
    text = "\n".join(blocks)
    value = _value(text)
    if value is None and text.strip() != "null":
        values = [_value(block) for block in blocks]
        several = len(blocks) > 1 and all(value is not None for value in values)
        value = values if several else text
    return ToolResult(value=value, text=text, failed=_is_failure(value, text))


def _unwrap(part: str) -> list[str]:
    """Return the texts of content blocks that were put into `part` as JSON, or `part` itself."""
    parsed = _json(part)
    blocks = parsed if isinstance(parsed, list) else [parsed]
    if blocks and all(
        isinstance(block, dict) and block.get("type") in _BLOCK_TYPES
        and isinstance(block.get("text"), str)
        for block in blocks
    ):
        return [block["text"] for block in blocks]
    return [part]


def _value(text: str) -> Any:
    """Return `text` as JSON without MCP's wrapper around plain values; None when it is no JSON."""
    value = _json(text)
    if isinstance(value, str):
        inner = _json(value)
        value = value if inner is None else inner
    if isinstance(value, dict) and value.keys() == {"result"}:
        value = value["result"]
    return value


def _json(text: str) -> Any:
    start = text.lstrip()[:1]
    if not start or start not in '{["-0123456789tfn':
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _is_failure(value: Any, text: str) -> bool:
    if isinstance(value, dict):
        return bool(value.get("error") or value.get("isError"))
    if not isinstance(value, str):
        return False
    return bool(_FAILED.match(text)) or text.rstrip().lower().endswith(_RETRY_PROMPTS)
