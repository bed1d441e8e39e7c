"""OpenTelemetry GenAI spans: requests to models, in whichever way they carry their messages.

Read are OTLP/JSON (`resourceSpans`, `resourceLogs`) and what the SDKs' console exporters print. An
attribute, a span event or a log record may hold the messages; the forms are in `genai.py`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentdyno.core.errors import InputError
from agentdyno.scenarios.importing import genai
from agentdyno.scenarios.importing.located import Document, KeyPath
from agentdyno.scenarios.importing.talk import RawTalk

_HINT = (
    "instrumentations leave texts out unless told otherwise: record with "
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true (or SPAN_ONLY)"
)
_WHOLE_AGENTS = ("invoke_agent", "create_agent", "execute_tool", "invoke_workflow")
"""Operations that only repeat, in part, what the model calls below them carry."""

Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    document: Document
    path: KeyPath
    trace: str
    id: str
    name: str
    attributes: Attributes
    events: list[tuple[str, Attributes]] = field(default_factory=list)


def is_telemetry(data: Any) -> bool:
    """Whether a JSON value is an export of spans or log records, or one span."""
    if isinstance(data, list):
        return bool(data) and all(is_telemetry(item) for item in data)
    return isinstance(data, dict) and (
        "resourceSpans" in data or "resourceLogs" in data
        or ("attributes" in data and ("context" in data or "spanId" in data or "traceId" in data))
    )


def talks_of_spans(documents: Sequence[Document]) -> tuple[list[RawTalk], list[str]]:
    """Return one conversation for each span that carries messages, and notes about the others.

    Raises:
        InputError: no span carries any.
    """
    spans = [span for document in documents for span in _spans(document, (), document.data)]
    _attach_logs(spans, documents)
    found: list[tuple[_Span, RawTalk]] = []
    for span in spans:
        messages = genai.messages_of(span.attributes, span.events)
        if messages:
            found.append((span, _talk(span, messages)))
    if not found:
        first = documents[0]
        message = f"none of {len(spans)} spans carries messages; {_HINT}"
        raise InputError([first.problem((), message)])
    calls = {span.trace for span, _ in found if not _is_agent(span)}
    kept = [talk for span, talk in found if not (_is_agent(span) and span.trace in calls)]
    empty = sum(1 for span in spans if genai.is_model_call(span.attributes)) - sum(
        1 for span, _ in found if genai.is_model_call(span.attributes)
    )
    notes = [f"{empty} model calls carry no messages; {_HINT}"] if empty > 0 else []
    return kept, notes


def _is_agent(span: _Span) -> bool:
    return span.attributes.get("gen_ai.operation.name") in _WHOLE_AGENTS


def _talk(span: _Span, messages: Sequence[dict[str, Any]]) -> RawTalk:
    return RawTalk(
        document=span.document, is_request=True,
        source=f"{Path(span.document.file).name}, span {span.id or '?'} ({span.name})",
        messages=tuple((span.path, message) for message in messages),
        tools=tuple((span.path, tool) for tool in genai.tools_of(span.attributes)),
    )


def _spans(document: Document, path: KeyPath, data: Any) -> Iterator[_Span]:
    if isinstance(data, list):
        for at, item in enumerate(data):
            yield from _spans(document, (*path, at), item)
        return
    if "resourceSpans" in data:
        for where, span in _nested(data, path, "resourceSpans", "scopeSpans", "spans"):
            yield _span(document, where, span)
    elif "resourceLogs" not in data:
        yield _span(document, path, data)


def _nested(
    data: Mapping[str, Any], path: KeyPath, resources: str, scopes: str, leaves: str
) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    for at, resource in enumerate(_objects(data.get(resources))):
        for under, scope in enumerate(_objects(resource.get(scopes))):
            for number, leaf in enumerate(_objects(scope.get(leaves))):
                yield (*path, resources, at, scopes, under, leaves, number), leaf


def _objects(value: Any) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else []
    return [item if isinstance(item, dict) else {} for item in items]


def _span(document: Document, path: KeyPath, span: Mapping[str, Any]) -> _Span:
    context = span.get("context")
    ids: Mapping[str, Any] = context if isinstance(context, dict) else span
    return _Span(
        document=document, path=path, name=str(span.get("name", "")),
        trace=str(ids.get("trace_id", ids.get("traceId", ""))),
        id=str(ids.get("span_id", ids.get("spanId", ""))),
        attributes=_attributes(span.get("attributes")),
        events=[
            (str(event.get("name", "")), _attributes(event.get("attributes")))
            for event in _objects(span.get("events"))
        ],
    )


def _attach_logs(spans: Sequence[_Span], documents: Sequence[Document]) -> None:
    """Give spans the events that stand in log records of their own, matched by span id."""
    by_id: dict[str, list[_Span]] = defaultdict(list)
    for span in spans:
        by_id[span.id].append(span)
    for document in documents:
        exports = document.data if isinstance(document.data, list) else [document.data]
        for export in exports:
            if "resourceLogs" not in export:
                continue
            for _, record in _nested(export, (), "resourceLogs", "scopeLogs", "logRecords"):
                attributes = _attributes(record.get("attributes"))
                body = _any_value(record.get("body"))
                named = record.get("eventName") or attributes.get("event.name") or ""
                event = (str(named), attributes | (body if isinstance(body, dict) else {}))
                for span in by_id.get(str(record.get("spanId", "")), ()):
                    span.events.append(event)


def _attributes(value: Any) -> Attributes:
    """Return attributes as a plain map, from OTLP's list of pairs or from one already."""
    if isinstance(value, dict):
        return value
    return {
        str(pair.get("key", "")): _any_value(pair.get("value")) for pair in _objects(value)
    }


def _any_value(value: Any) -> Any:
    """Return OTLP's AnyValue as a plain value."""
    if not isinstance(value, dict):
        return value
    for key in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
        if key in value:
            return value[key]
    if "intValue" in value:
        return int(value["intValue"])
    if "arrayValue" in value:
        return [_any_value(item) for item in value["arrayValue"].get("values", ())]
    if "kvlistValue" in value:
        return _attributes(value["kvlistValue"].get("values"))
    return value or None
