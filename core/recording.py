"""What a trial's tools were and said, so that another trial needs no tool server."""

import json
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer

from agentdyno.core.event import Approval, ErrorKind, MemoryAccess, ToolGap
from agentdyno.core.noun import Noun

_SHORT = 80
# YAML reads some of these as line ends and forbids the others; in JSON they may only stand inside
# strings, where an escape means the same.
_AWKWARD = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def json_text(value: Any) -> str:
    """Return `value` as JSON for readers: its own order, on one line where it is short."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) > _SHORT:
        line = json.dumps(value, ensure_ascii=False, indent=2)
    return _AWKWARD.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} in its line {error.lineno}") from None


JsonText = Annotated[dict[str, Any], BeforeValidator(_parsed), PlainSerializer(json_text)]
"""A JSON object that files hold as text, so that it reads well and keeps the order of its keys."""


class OfferedTool(Noun):
    """One tool of one agent."""

    name: str
    """Its name on the wire."""
    server: str
    tool: str
    """Its name on its server."""


class RecordedResult(Noun):
    """One tools/call and what came back."""

    agent: str
    ordinal: int
    """Number of the call among the agent's tool calls, from 0."""
    server: str
    tool: str
    """The tool's name on its server."""
    arguments: JsonText
    result: JsonText
    """The MCP result as the agent was given it."""
    error_kind: ErrorKind | None = None
    """Whose error it was; null when it was none."""
    duration_ms: float
    """Milliseconds that the recorded call took."""
    memory: tuple[MemoryAccess, ...] = ()
    """What the call did in the trial's memory, with the times of the recording."""
    approvals: tuple[Approval, ...] = ()
    """What was decided about the call, which a replay does not ask again."""
    gaps: tuple[ToolGap, ...] = ()
    """What the call reported as missing, with the times of the recording."""


class ToolRecording(Noun):
    """Everything that the tools of one trial offered and answered."""

    servers: dict[str, tuple[JsonText, ...]] = Field(default_factory=dict)
    """MCP tool objects as they were listed, by server."""
    offered: dict[str, tuple[OfferedTool, ...]] = Field(default_factory=dict)
    """What each agent was offered, in order."""
    results: tuple[RecordedResult, ...] = ()
    """In the order in which the calls began."""
    end_state: JsonText = Field(default_factory=dict)
    """State of each server when the trial ended, by server."""
