"""Results of tools/call: what the model is shown, and whose error it was."""

from dataclasses import dataclass
from typing import Any

from agentdyno.core.event import ErrorKind
from agentdyno.tools.jsonrpc import INVALID_PARAMS


@dataclass(frozen=True, kw_only=True)
class ToolReply:
    """What one call brought."""

    result: dict[str, Any]
    """The MCP result that the agent is shown."""
    kind: ErrorKind | None = None
    """Whose error it is; null when it is none, or unknown."""
    recorded_s: float | None = None
    """Seconds that the call took in a recording; null when a server answered."""


def text_result(text: str, *, is_error: bool) -> dict[str, Any]:
    """Return a result of one text block."""
    return {"content": [{"type": "text", "text": text}], "isError": is_error}


def shown_text(result: dict[str, Any]) -> str:
    """Return the text of a result; blocks that are not text are named in square brackets."""
    return "\n".join(_block_text(block) for block in result.get("content") or ())


def _block_text(block: dict[str, Any]) -> str:
    match block:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "resource", "resource": {"text": str(text)}}:
            return text
        case {"type": "resource_link", "uri": str(uri)}:
            return f"[resource_link {uri}]"
    return f"[{block.get('type')} {block.get('mimeType', '')}]".replace(" ]", "]")


def error_kind(schema: Any, arguments: Any, code: int | None = None) -> ErrorKind:
    """Tell whether a refused call had wrong arguments or met an error inside the tool.

    The schema decides; a JSON-RPC code (`code`) only where the arguments fit it.
    """
    # Imported late: only trials with tool errors need it.
    import jsonschema

    try:
        validator = jsonschema.validators.validator_for(schema)(schema)
        fits = validator.is_valid(arguments)
    except (jsonschema.SchemaError, TypeError):
        fits = True
    return "tool_error" if fits and code != INVALID_PARAMS else "invalid_arguments"
