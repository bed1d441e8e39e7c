"""What the instruments saw. Times are seconds since the trial's start, from a monotonic clock."""

from typing import Annotated, Any, Literal

from pydantic import Field

from agentdyno.core.approval import PolicyAction
from agentdyno.core.noun import Noun
from agentdyno.core.spec import Risk

ErrorKind = Literal[
    "not_allowed", "rejected", "invalid_arguments", "tool_error", "timeout", "server_crash", "limit"
]
"""Whose error a failed tool call was."""


class Timed(Noun):
    """Fields that every event has."""

    agent: str
    """Agent that caused the event; "" for the trial as a whole."""
    started_s: float
    """Seconds from the trial's start to the event's start."""
    ended_s: float
    """Seconds from the trial's start to the event's end."""


class TokenCount(Noun):
    """Tokens of one model call."""

    prompt: int
    """Tokens of the messages, instructions and tool schemas as they were sent."""
    prompt_tools: int = 0
    """The part of `prompt` that tool schemas take; 0 when a provider counted, which says nothing
    of it."""
    completion: int
    """Tokens of the text and tool calls that came back."""
    cached: int = 0
    """The part of `prompt` that the provider served from its cache."""


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
    gaps_ms: tuple[float, ...] = ()
    """Milliseconds between consecutive content chunks of a stream, from the first token on."""
    truncated: bool = False
    """Whether a stream ended without a finish reason. With `error` null the framework was left to
    take it for the whole answer (retry profile `as-shipped`)."""
    source: Literal["scripted", "live", "recorded"] = "scripted"
    """Where the answer came from; times of a recorded one are the recording's."""
    provider: str = ""
    """Provider that answered (OpenTelemetry: gen_ai.provider.name); "" for the scripted model."""
    provider_model: str = ""
    """Model that the response names (OpenTelemetry: gen_ai.response.model)."""
    tokens: TokenCount | None = None
    """Null when the call was refused before a model saw it, and when neither the provider told
    nor the harness could count them."""
    tokens_by: Literal["harness", "provider"] = "harness"
    """Who counted `tokens`: the harness on the bytes of the wire, or the provider that bills."""
    usage_sent: TokenCount | None = None
    """Usage that the response told the framework; null when it told none (an error, or a stream
    that was not asked for its usage)."""
    cost_usd: float | None = None
    """US dollars by the offline price table; null when the price is unknown or nobody bills."""
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
    source: Literal["server", "recorded"] = "server"
    """Where the result came from; the duration of a recorded one is the recording's."""
    error_kind: ErrorKind | None = None
    """Whose error it was."""
    result_text: str
    """Text content that the agent was shown."""


class ToolsListed(Timed):
    """Snapshot of what tools/list offers an agent, taken before its trial starts."""

    kind: Literal["tools_listed"] = "tools_listed"
    tools: tuple[dict[str, Any], ...]
    """MCP tool objects: name, description, inputSchema."""
    origins: tuple[str, ...] = ()
    """`server.tool` of each of `tools`, in the same order."""


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
    """A text that one agent produced for the team or the user, as the runner declares it."""

    kind: Literal["message"] = "message"
    text: str
    """The text."""
    to: tuple[str, ...] = ()
    """Agents that it is for; everybody in the team when empty."""
    derived: bool = False
    """Whether it was read off the wire, because the runner declares nothing."""


StepAction = Literal["node", "round", "selected", "handoff", "delegated", "returned", "stopped"]


class Step(Timed):
    """A stage of the team's work, as the runner declares it."""

    kind: Literal["step"] = "step"
    action: StepAction = "node"
    """`node`: an agent's place in a graph, pipeline or flow was entered. `round`: a round of a
    conversation or loop began. `selected`: `agent`, who coordinates, chose `to` to speak.
    `handoff`: `agent` passed control to `to`. `delegated`: `agent` gave `to` a task. `returned`:
    `agent` gave `to` its result. `stopped`: the team's stop condition or limit was met."""
    name: str
    """What the framework calls the stage; the task of a delegation; the limit that stopped."""
    to: str = ""
    """Agent that gets control, a task or a result; "" when nobody does."""
    round: int | None = None
    """Number of the round, from 1."""
    derived: bool = False
    """Whether it was read off the wire, because the runner declares nothing."""


class Approval(Timed):
    """A tool call that the policy logged, or that waited for somebody's decision.

    The time from start to end is waiting, which is in no latency.
    """

    kind: Literal["approval"] = "approval"
    ordinal: int
    """Number of the call among the agent's tool calls in the trial, from 0."""
    server: str
    tool: str
    risk: Risk
    """The tool's risk level."""
    risk_from: Literal["policy", "annotations", "default"]
    """Who says so: the scenario's policy, the tool's MCP annotations, or nobody."""
    action: PolicyAction
    """What the policy asked for."""
    shown: dict[str, Any]
    """Arguments that the approver was shown."""
    decision: Literal["logged", "approved", "rejected", "modified", "timed_out", "withdrawn"]
    """`withdrawn`: the call ended before anybody decided, because its trial or its caller did."""
    arguments: dict[str, Any] | None = None
    """Arguments that the call was made with, where the approver changed them."""
    approver: str
    """Kind of the approver: `auto`, `deny`, `script`, `cli`, `queue`; "" when only logged."""
    decided_by: str = ""
    """Who decided: a person's name, or the kind again."""
    decided_at: str = ""
    """ISO 8601, UTC."""
    reason: str = ""
    """Why, in the approver's words."""


class MissingTool(Noun):
    """A tool that an agent needs and does not have."""

    name: str = Field(min_length=1)
    description: str = Field(min_length=1)
    """What it should do."""
    inputs: dict[str, Any]
    """JSON Schema of its arguments, or name -> description."""
    outputs: dict[str, Any]
    """JSON Schema of its result, or name -> description."""
    estimated_risk: Risk


class CheckedTool(Noun):
    """A tool that the agent has, and why it does not do."""

    name: str
    """Its name in the agent's tools/list."""
    why_not: str
    """Why it is not enough, in the agent's words."""
    evidence: str
    """Its description in the agent's tools/list, which the harness adds."""


class ToolGap(Timed):
    """An agent's report that it lacks a tool, validated by the tool gateway."""

    kind: Literal["tool_gap"] = "tool_gap"
    missing_tools: tuple[MissingTool, ...] = Field(min_length=1)
    existing_tools_checked: tuple[CheckedTool, ...]
    proposed_mcp_server: str
    """Name, or name and description, of an MCP server that could offer them."""


class ModelTry(Timed):
    """One attempt of the gateway to have a model call answered by a provider."""

    kind: Literal["model_try"] = "model_try"
    ordinal: int
    """`ModelCall.ordinal` of the call that it belongs to."""
    attempt: int
    """Number of the attempt within its call, from 1."""
    provider: str
    """Provider that was asked; "" for the scripted model."""
    model: str
    """Model that was asked for there."""
    status: int | None = None
    """HTTP status; null when no response came."""
    error: str | None = None
    """Why it did not answer the call."""
    decision: Literal["answered", "retry", "fallback", "give_up", "circuit_open"]
    """What the gateway did next; `circuit_open`: the provider was not asked at all."""
    wait_s: float = 0.0
    """Seconds that the gateway waited before the next attempt."""


class Fault(Timed):
    """A fault that the harness injected."""

    kind: Literal["fault"] = "fault"
    channel: Literal["model", "tool"]
    """Which gateway injected it."""
    ordinal: int
    """Number of the call among the agent's calls on that channel, from 0."""
    fault: str
    """Kind of the fault, such as `http_429`."""
    detail: str = ""
    """What exactly was done."""


class BudgetStep(Timed):
    """A budget reached 70, 90 or 100 percent, or its approver was asked."""

    kind: Literal["budget"] = "budget"
    scope: Literal["trial", "matrix", "day"]
    """Whose budget."""
    measure: Literal["calls", "tokens", "cost_usd", "wall_s"]
    """What is limited."""
    spent: float
    """What was spent when the step was reached, in the unit of `measure`."""
    limit: float
    """The whole budget, in the unit of `measure`."""
    step: Literal["warned", "approved", "denied", "stopped"]
    """What was done."""


Event = Annotated[
    ModelCall | ToolCall | ToolsListed | MemoryAccess | Message | Step | ModelTry | Fault
    | BudgetStep | Approval | ToolGap,
    Field(discriminator="kind"),
]


class WireRecord(Noun):
    """The raw bytes of one exchange, kept beside its event."""

    seq: int
    """Position among the trial's exchanges, from 0."""
    channel: Literal["model", "tool", "judge"]
    """Which gateway saw it; `judge`: the model gateway, once the trial was over."""
    agent: str
    """Agent in the path of the request."""
    started_s: float
    """Seconds from the trial's start."""
    request: str
    """Request body as it was received (UTF-8)."""
    response: str
    """Response body as it was sent; server-sent events in their own syntax."""
