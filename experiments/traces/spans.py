"""What a trace is made of, without OpenTelemetry: any exporter can read it.

Names of attributes are those of the semantic conventions for generative AI (OpenTelemetry 1.45),
and `agentdyno.*` for what they have no name for.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Value = str | bool | int | float | tuple[str, ...]
"""What an attribute may hold."""

SpanKind = Literal[
    "trial", "agent", "user", "model", "embeddings", "try", "tool", "memory", "approval", "judging"
]
"""`trial` is the root. `user` is the simulated user, `try` one attempt of a model call, `approval`
the time in which a tool call waits, `judging` what was asked once the trial was over."""

EVENT_SEQ = "agentdyno.event.seq"
"""Index in `Trial.events` of what a span or span event shows."""
JUDGING_SEQ = "agentdyno.judging.seq"
"""Index in `Trial.judging` of what a span or span event shows."""
WIRE_SEQ = "agentdyno.wire.seq"
"""`WireRecord.seq` of the raw bytes behind a span."""

_INPUTS = ("agentdyno.pair", "gen_ai.input.messages", "gen_ai.tool.call.arguments",
           "agentdyno.input")
_OUTPUTS = ("gen_ai.output.messages", "gen_ai.tool.call.result", "agentdyno.output")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanEvent:
    """A moment within a span."""

    name: str
    at_ns: int
    """Nanoseconds since 1970, UTC."""
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of time in a trace."""

    trace_id: str
    """32 hex digits."""
    span_id: str
    """16 hex digits."""
    parent_id: str | None
    """Null for the root."""
    name: str
    kind: SpanKind
    start_ns: int
    """Nanoseconds since 1970, UTC."""
    end_ns: int
    attributes: Mapping[str, Value] = field(default_factory=dict)
    events: tuple[SpanEvent, ...] = ()
    error: str | None = None
    """What went wrong, for the span's status; null when nothing did."""

    @property
    def input(self) -> str:
        """What went in, as JSON or text; of the root: case and repeat, by which trials pair."""
        return _first(self.attributes, _INPUTS)

    @property
    def output(self) -> str:
        """What came out, as JSON or text; "" when nothing did."""
        return _first(self.attributes, _OUTPUTS)


def trace_id(trial_id: str, attempt: int) -> str:
    """Return the trace id of one execution of a trial: the same whenever it is exported."""
    return hashlib.sha256(f"agentdyno:{trial_id}:{attempt}".encode()).hexdigest()[:32]


def span_id(trace: str, name: str) -> str:
    """Return the id of the span called `name` within a trace."""
    return hashlib.sha256(f"{trace}:{name}".encode()).hexdigest()[:16]


def _first(attributes: Mapping[str, Value], names: tuple[str, ...]) -> str:
    return next((str(attributes[name]) for name in names if name in attributes), "")
