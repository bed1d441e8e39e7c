"""The two memory tools as agents see them, and the check of what agents send."""

from functools import cache
from typing import TYPE_CHECKING, Any

from agentdyno.core.spec import AgentSpec

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

SEARCH: dict[str, Any] = {
    "name": "memory_search",
    "description": "Search what is remembered. Returns the best matches first, as JSON.",
    "annotations": {"readOnlyHint": True},
    "inputSchema": {
        "type": "object",
        "properties": {
            "query": {"type": "string", "minLength": 1, "description": "What to look for."},
            "limit": {
                "type": "integer", "minimum": 1, "maximum": 50, "default": 5,
                "description": "Most items to return.",
            },
            "filter": {
                "type": "object",
                "description": "Only items whose metadata has these keys with these values.",
            },
        },
        "required": ["query"],
        "additionalProperties": False,
    },
}

WRITE: dict[str, Any] = {
    "name": "memory_write",
    "description": "Remember a text. Returns the id of the new item, as JSON.",
    "annotations": {"readOnlyHint": False},
    "inputSchema": {
        "type": "object",
        "properties": {
            "text": {"type": "string", "minLength": 1, "description": "What to remember."},
            "metadata": {
                "type": "object", "description": "Keys and values to find the text by later.",
            },
        },
        "required": ["text"],
        "additionalProperties": False,
    },
}

_TOOLS = {tool["name"]: tool for tool in (SEARCH, WRITE)}


@cache
def _validator(tool: str) -> "Draft202012Validator":
    # Imported when memory is used: it costs a fifth of the harness's start-up.
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_TOOLS[tool]["inputSchema"])


def tools_of(agent: AgentSpec) -> tuple[dict[str, Any], ...]:
    """Return the tools that the agent's `memory` setting gives it."""
    return {"none": (), "read": (SEARCH,), "read_write": (SEARCH, WRITE)}[agent.memory]


def checked(tool: str, arguments: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the arguments to use and what is wrong with them, "" when nothing is.

    An optional argument that is null counts as absent: frameworks that turn a schema into a class
    send one.
    """
    if tool not in _TOOLS:
        return arguments, f"There is no tool {tool!r}. Memory has: {', '.join(_TOOLS)}."
    required = _TOOLS[tool]["inputSchema"]["required"]
    used = {
        name: value for name, value in arguments.items() if value is not None or name in required
    }
    problems = [
        f"{'.'.join(map(str, error.absolute_path)) or 'arguments'}: {error.message}"
        for error in _validator(tool).iter_errors(used)
    ]
    if not problems and (problem := unstorable(used)):
        problems.append(problem)
    return used, f"{tool}: " + "; ".join(problems) if problems else ""


def unstorable(value: Any) -> str:
    """Return why Postgres cannot hold the texts in `value` (JSON types), "" when it can."""
    if isinstance(value, str):
        if "\0" in value:
            return "a text holds the character NUL, which memory cannot keep"
        try:
            value.encode()
        except UnicodeEncodeError:
            return "a text holds half of a surrogate pair, which is no character"
        return ""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple):
        return next((problem for item in value if (problem := unstorable(item))), "")
    return ""
