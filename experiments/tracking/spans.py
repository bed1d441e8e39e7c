"""Spans of a trial as MLflow's: its own attributes beside those of the conventions.

MLflow would read the conventions itself, key by key for every dialect that it knows, which takes
longer than to store them; and what a call cost it would look up in a table of its own.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from mlflow.entities.span import Span as MlflowSpan
from mlflow.entities.span import SpanType
from mlflow.tracing.constant import SpanAttributeKey, TraceMetadataKey
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from agentdyno.experiments.traces.spans import Span, SpanKind, Value

PREFIX = "tr-"
"""MLflow's trace id is this and the trace id of OpenTelemetry."""

_TYPES: Mapping[SpanKind, str] = {
    "trial": SpanType.WORKFLOW, "agent": SpanType.AGENT, "user": SpanType.AGENT,
    "model": SpanType.CHAT_MODEL, "embeddings": SpanType.EMBEDDING, "try": SpanType.TASK,
    "tool": SpanType.TOOL, "memory": SpanType.MEMORY, "approval": SpanType.GUARDRAIL,
    "judging": SpanType.EVALUATOR,
}
_CALLS = ("model", "embeddings")
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_RESOURCE = Resource({})
_TOKENS = {
    "input_tokens": "gen_ai.usage.input_tokens", "output_tokens": "gen_ai.usage.output_tokens",
    "cache_read_input_tokens": "gen_ai.usage.cache_read.input_tokens",
}


def mlflow_trace_id(trace_id: str) -> str:
    """Return what MLflow calls a trace."""
    return PREFIX + trace_id


def mlflow_spans(spans: Sequence[Span]) -> list[MlflowSpan]:
    """Return the spans of one trace as MLflow stores them."""
    return [MlflowSpan(_readable(span)) for span in spans]


def trace_totals(spans: Sequence[Span]) -> dict[str, str]:
    """Return tokens and cost of a trace as MLflow's metadata of it; nothing without a model call.
    """
    calls = [_of_model(span.attributes) for span in spans if span.kind in _CALLS]
    found: dict[str, str] = {}
    for name, key in (
        (TraceMetadataKey.TOKEN_USAGE, SpanAttributeKey.CHAT_USAGE),
        (TraceMetadataKey.COST, SpanAttributeKey.LLM_COST),
    ):
        known = [call[key] for call in calls if key in call]
        if known:
            parts = dict.fromkeys(part for one in known for part in one)
            found[name] = _dump({part: sum(one.get(part, 0) for one in known) for part in parts})
    return found


def _readable(span: Span) -> ReadableSpan:
    error = span.error is not None
    return ReadableSpan(
        name=span.name, context=_context(span.trace_id, span.span_id),
        parent=None if span.parent_id is None else _context(span.trace_id, span.parent_id),
        start_time=span.start_ns, end_time=span.end_ns, resource=_RESOURCE,
        attributes=_attributes(span),
        events=[
            Event(one.name, attributes=dict(one.attributes), timestamp=one.at_ns)
            for one in span.events
        ],
        status=Status(StatusCode.ERROR if error else StatusCode.OK, span.error or None),
    )


def _context(trace_id: str, span_id: str) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False,
                       trace_flags=_SAMPLED)


def _attributes(span: Span) -> dict[str, str]:
    """Return attributes as JSON, as MLflow keeps all of them."""
    found = {name: _json(value) for name, value in span.attributes.items()}
    found[SpanAttributeKey.REQUEST_ID] = _dump(mlflow_trace_id(span.trace_id))
    found[SpanAttributeKey.SPAN_TYPE] = _dump(_TYPES[span.kind])
    if span.input:
        found[SpanAttributeKey.INPUTS] = _json(span.input)
    if span.output:
        found[SpanAttributeKey.OUTPUTS] = _json(span.output)
    if "gen_ai.request.model" in found:
        found[SpanAttributeKey.MODEL] = found.get("gen_ai.response.model",
                                                  found["gen_ai.request.model"])
    if span.kind in _CALLS:
        of_model = _of_model(span.attributes)
        found |= {name: _dump(value) for name, value in of_model.items()}
    return found


def _of_model(attributes: Mapping[str, Value]) -> dict[str, Any]:
    found: dict[str, Any] = {
        SpanAttributeKey.MODEL_PROVIDER: attributes.get("gen_ai.provider.name"),
    }
    usage = {name: attributes[key] for name, key in _TOKENS.items() if key in attributes}
    if usage:
        total = int(str(usage["input_tokens"])) + int(str(usage["output_tokens"]))
        found[SpanAttributeKey.CHAT_USAGE] = {**usage, "total_tokens": total}
    cost = attributes.get("agentdyno.cost_usd")
    if cost is not None or attributes.get("agentdyno.source") != "live":
        # Only the sum is known. Where nobody bills MLflow would still name a price; where the price
        # is unknown to us it may.
        found[SpanAttributeKey.LLM_COST] = {
            "input_cost": 0.0, "output_cost": 0.0, "total_cost": cost or 0.0,
        }
    return found


def _json(value: Value) -> str:
    """Return a value as JSON; a text that is a JSON array or object already as it is."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            orjson.loads(value)
        except ValueError:
            return _dump(value)
        return value
    return _dump(value)


def _dump(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # Integers beyond 64 bits.
        return json.dumps(value, ensure_ascii=False)
