"""Our spans as OpenTelemetry's. Runs only where OpenTelemetry is: in the companion's processes."""

from collections.abc import Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from agentdyno import __version__
from agentdyno.experiments.traces.spans import Span

_RESOURCE = Resource({"service.name": "agentdyno", "service.version": __version__})
_SCOPE = InstrumentationScope("agentdyno", __version__)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_REMOTE = ("model", "embeddings", "try")


def readable_spans(spans: Sequence[Span]) -> list[ReadableSpan]:
    """Return spans as any exporter of OpenTelemetry's SDK takes them."""
    return [_readable(span) for span in spans]


def _readable(span: Span) -> ReadableSpan:
    return ReadableSpan(
        name=span.name, context=_context(span.trace_id, span.span_id),
        parent=None if span.parent_id is None else _context(span.trace_id, span.parent_id),
        resource=_RESOURCE, instrumentation_scope=_SCOPE,
        kind=SpanKind.CLIENT if span.kind in _REMOTE else SpanKind.INTERNAL,
        start_time=span.start_ns, end_time=span.end_ns, attributes=dict(span.attributes),
        events=[
            Event(one.name, attributes=dict(one.attributes), timestamp=one.at_ns)
            for one in span.events
        ],
        status=Status(StatusCode.OK) if span.error is None
        else Status(StatusCode.ERROR, span.error),
    )


def _context(trace_id: str, span_id: str) -> SpanContext:
    return SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=_SAMPLED
    )
