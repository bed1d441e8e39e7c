"""What both dialects share: reading content blocks and naming a response."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agentdyno.core.event import TokenCount
from agentdyno.models.conversation import RequestError, ToolOffer

_PIECE = 48
"""Characters of text in one server-sent event, about a dozen tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What a response says beside the reply itself."""

    id: str
    """Suffix of every identifier in the response."""
    created: int
    """Unix time, in seconds."""
    model: str
    usage: TokenCount


def content_parts(content: Any, param: str) -> tuple[str, ...]:
    """Return the texts of a `content`: null, a string, or a list of content blocks.

    Raises:
        RequestError: `content` is none of these.
    """
    if isinstance(content, str):
        return (content,)
    if content is None:
        return ()
    if not isinstance(content, list):
        raise RequestError("content must be a string, an array of content blocks or null", param)
    return tuple(_block(block, f"{param}[{at}]") for at, block in enumerate(content))


def _block(block: Any, param: str) -> str:
    if isinstance(block, str):
        return block
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        raise RequestError("a content block must be an object with a type", param)
    text = block.get("text", block.get("refusal"))
    return text if isinstance(text, str) else f"[{block['type']}]"


def tool_offer(sent: dict[str, Any], function: Any, param: str) -> ToolOffer:
    """Return the offer that `function` describes; `sent` is the tool object around it."""
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise RequestError("a function tool needs a name", param)
    parameters = function.get("parameters")
    return ToolOffer(
        name=function["name"], description=str(function.get("description") or ""),
        parameters=parameters if isinstance(parameters, dict) else {}, sent=sent,
    )


def flag(body: dict[str, Any], key: str, default: bool) -> bool:
    """Return a boolean of the request; null means `default`."""
    value = body.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise RequestError(f"{key} must be true or false", key)
    return value


def model_name(body: dict[str, Any]) -> str:
    """Return the model that the request asks for."""
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise RequestError("you must provide a model", "model")
    return model


def pieces(text: str) -> Iterator[str]:
    """Cut `text` into the pieces that a stream sends one by one."""
    for start in range(0, len(text), _PIECE):
        yield text[start : start + _PIECE]
