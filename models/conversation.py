"""What a request says and what a reply holds, whatever dialect carried them.

Messages and tools are made once and met again in every later call of the same conversation, so
what is worked out of them (tokens, parsed results) is kept with them.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import orjson

from agentdyno.models.bpe import count_text, count_texts
from agentdyno.models.toolresult import ToolResult, read_result

Role = Literal["system", "user", "assistant", "tool"]


class RequestError(ValueError):
    """The request cannot be understood; `param` is the path of the offending key."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


def canonical(value: object) -> str:
    """Return `value` as JSON with sorted keys and no spaces."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


@dataclass(frozen=True, kw_only=True)
class ToolUse:
    """One tool that the model asks for."""

    id: str
    """Identifier that the tool's result refers to."""
    name: str
    """The tool's name as it was offered."""
    arguments: str
    """Arguments as they stand on the wire; JSON unless the model erred."""

    @cached_property
    def parsed(self) -> dict[str, Any]:
        """The arguments; empty when they are no JSON object."""
        try:
            value = orjson.loads(self.arguments)
        except orjson.JSONDecodeError:
            return {}
        return value if isinstance(value, dict) else {}


def call_texts(calls: tuple[ToolUse, ...]) -> list[str]:
    """Return name and arguments of each call: what of a call is counted in tokens."""
    return [text for call in calls for text in (call.name, call.arguments)]


@dataclass(frozen=True, kw_only=True)
class ChatMessage:
    """One message; `developer` messages and instructions have the role `system`."""

    role: Role
    parts: tuple[str, ...] = ()
    """Text of each content block; content that is no text stands as its type in brackets."""
    name: str | None = None
    """Who spoke, when the framework says so."""
    calls: tuple[ToolUse, ...] = ()
    """Tools that an assistant message asked for."""
    call_id: str | None = None
    """The call that a `tool` message answers."""

    @cached_property
    def text(self) -> str:
        """All blocks, joined by line ends; a tool's result without its wrapping."""
        return self.result.text if self.role == "tool" else "\n".join(self.parts)

    @cached_property
    def result(self) -> ToolResult:
        """What a `tool` message says."""
        return read_result(self.parts)

    @cached_property
    def tokens(self) -> int:
        """Tokens of role, name, blocks and calls."""
        return count_texts([
            self.role, *((self.name,) if self.name else ()), *self.parts, *call_texts(self.calls),
        ])


@dataclass(frozen=True, kw_only=True)
class ToolOffer:
    """One function that the model may call."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON Schema of the arguments."""
    sent: dict[str, Any]
    """The tool object as it stands in the request."""

    @cached_property
    def tokens(self) -> int:
        """Tokens of the tool object's canonical JSON."""
        return count_text(canonical(self.sent))

    @property
    def properties(self) -> dict[str, Any]:
        """Schema of each parameter by name."""
        found = self.parameters.get("properties")
        return found if isinstance(found, dict) else {}

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the parameters that must be given."""
        found = self.parameters.get("required")
        return tuple(found) if isinstance(found, list) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFormat:
    """What `response_format` or `text.format` asks the text to be."""

    kind: Literal["json_object", "json_schema"]
    schema: dict[str, Any] | None = None
    """Null for `json_object`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One request for a reply."""

    model: str
    messages: tuple[ChatMessage, ...]
    tools: tuple[ToolOffer, ...] = ()
    tool_choice: str = "auto"
    """`auto`, `none`, `required`, or the name of the one tool that must be called."""
    parallel: bool = True
    """Whether several tools may be asked for in one turn."""
    output: OutputFormat | None = None
    stream: bool = False
    include_usage: bool = False
    """Whether a stream must end with its usage."""
    echo: dict[str, Any]
    """Request keys that the response repeats (Responses API)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a reply is given."""

    first_token_s: float = 0.0
    """Seconds before the first token."""
    token_s: float = 0.0
    """Seconds for each further token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the model answers: text, tool calls, or both."""

    text: str = ""
    calls: tuple[ToolUse, ...] = ()
    finish_reason: Literal["stop", "tool_calls", "length"] = "stop"
    pace: Pace | None = None
    """Null to answer at once."""
