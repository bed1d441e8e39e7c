"""What the instruments saw. Times are seconds since the trial's start, from a monotonic clock."""

from typing import Annotated, Any, Literal

from pydantic import Field

from agentdyno.core.noun import Noun


class Timed(Noun):
    """Fields that every event has."""

    agent: str
    """Agent that caused the event; "" for the trial as a whole."""
    started_s: float
    """Seconds from the trial's start to the event's start."""
    ended_s: float
    """Seconds from the trial's start to the event's end."""


class TokenCount(Noun):
    """Tokens of one model call, counted by the harness on the bytes of the wire."""

    prompt: int
    """Tokens of the messages, instructions and tool schemas as they were sent."""
    prompt_tools: int
    """The part of `prompt` that tool schemas take."""
    completion: int
    """Tokens of the text and tool calls that came back."""


class ModelCall(Timed):
    """One request to the model gateway and its response."""

    kind: Literal["model_call"] = "model_call"
    ordinal: int
    """Number of this call among the agent's calls in the trial, from 0."""
    api: Literal["chat", "responses", "embeddings"]
    """Wire dialect (OpenTelemetry: gen_ai.operation.name is `chat` or `embeddings`)."""
    model: str
    """Model alias that the framework asked for."""
    stream: bool
    """Whether the framework asked for server-sent events."""
    first_token_s: float | None = None
    """Seconds from the trial's start to the first content byte; null when nothing was sent."""
    status: int
    """HTTP status of the response; 499 when the client hung up."""
    finish_reason: str | None = None
    """OpenAI finish reason; null after an error."""
    tokens: TokenCount | None = None
    """Null when the call was refused before a model saw it."""
    tools_offered: tuple[str, ...] = ()
    """Names of the tools in the request."""
    tools_called: tuple[str, ...] = ()
    """Names of the tools that the response asks for."""
    retry_count: int = 0
    """What the client's `x-stainless-retry-count` header said."""
    error: str | None = None
    """Message of the error that was sent back."""


class ToolCall(Timed):
    """One tools/call at the tool gateway."""

    kind: Literal["tool_call"] = "tool_call"
    ordinal: int
    """Number of this call among the agent's tool calls in the trial, from 0."""
    server: str
    """Name of the server in `mcpServers`, or `memory`."""
    tool: str
    """The tool's name on its server."""
    arguments: dict[str, Any]
    """Arguments exactly as they arrived."""
    is_error: bool
    """Whether the agent was shown an error."""
    error_kind: Literal[
        "not_allowed", "invalid_arguments", "tool_error", "timeout", "server_crash", "limit"
    ] | None = None
    """Whose error it was."""
    result_text: str
    """Text content that the agent was shown."""


class ToolsListed(Timed):
    """Snapshot of what tools/list offers an agent, taken before its trial starts."""

    kind: Literal["tools_listed"] = "tools_listed"
    tools: tuple[dict[str, Any], ...]
    """MCP tool objects: name, description, inputSchema."""


class MemoryAccess(Timed):
    """One search or write in the trial's memory namespace."""

    kind: Literal["memory_access"] = "memory_access"
    operation: Literal["search", "write"]
    """What was done."""
    query: str
    """Search text, or the text written."""
    mode: Literal["lexical", "semantic"]
    """`lexical` while no embedding endpoint is configured: nothing knows what words mean."""
    hits: tuple[str, ...] = ()
    """Ids of the items found or written, best first."""


class Message(Timed):
    """A text that one agent produced for the team, as the runner declares it."""

    kind: Literal["message"] = "message"
    text: str
    """The text."""


class Step(Timed):
    """A stage of the team's work, as the runner declares it."""

    kind: Literal["step"] = "step"
    name: str
    """What the framework calls the stage."""


Event = Annotated[
    ModelCall | ToolCall | ToolsListed | MemoryAccess | Message | Step,
    Field(discriminator="kind"),
]


class WireRecord(Noun):
    """The raw bytes of one exchange, kept beside its event."""

    seq: int
    """Position among the trial's exchanges, from 0."""
    channel: Literal["model", "tool"]
    """Which gateway saw it."""
    agent: str
    """Agent in the path of the request."""
    started_s: float
    """Seconds from the trial's start."""
    request: str
    """Request body as it was received (UTF-8)."""
    response: str
    """Response body as it was sent; server-sent events in their own syntax."""
