"""Runs of the store to an OpenTelemetry collector, by OTLP over HTTP.

The client is OpenTelemetry's own, which reads every OTEL_EXPORTER_OTLP_* variable there is. Ids of
traces and spans follow from the trials, so that whoever takes a trace twice can know it.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExportResult

from agentdyno.core.errors import HarnessFault, UsageError
from agentdyno.experiments.exportchild import Progress
from agentdyno.experiments.traces.address import ENDPOINT, collector_address
from agentdyno.experiments.traces.build import spans_of
from agentdyno.experiments.traces.otel import readable_spans
from agentdyno.experiments.traces.spans import Span, Value
from agentdyno.store.database import Pool
from agentdyno.store.executions import Execution, Executions

TRIALS = 20
"""Trials that are read at once."""
REQUEST_CHARACTERS = 1_000_000
"""Characters of text in one request, about: collectors refuse bodies of a few megabytes."""
_REFUSED = ("400", "401", "403", "404", "405", "413", "415")
"""Statuses that stay the same however often one asks."""


class Collector:
    """Sends traces to the collector that the process's environment names."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """
        Args:
            environ: the process's environment, which the client reads too.

        Raises:
            UsageError: it names none, or one that OTLP over HTTP is not spoken at.
        """
        self.address = collector_address(environ)
        self._client = OTLPSpanExporter()
        self._heard = _Heard()

    def close(self) -> None:
        """Give up the connection."""
        self._client.shutdown()  # type: ignore[no-untyped-call]

    async def send(self, traces: Sequence[Sequence[Span]]) -> None:
        """Send whole traces.

        Raises:
            HarnessFault: the collector is away, or has no time.
            UsageError: it does not want them.
        """
        for spans in _requests(traces):
            await asyncio.to_thread(self._post, spans)

    def _post(self, spans: Sequence[Span]) -> None:
        # The client says whether it worked, and tells its logger why it did not.
        with self._heard:
            result = self._client.export(readable_spans(spans))
        if result is SpanExportResult.SUCCESS:
            return
        why = self._heard.last or "no reason given"
        what = f"the collector at {self.address} took no traces: {why}"
        if any(f"code: {status}," in why for status in _REFUSED):
            raise UsageError(
                what,
                f"check {ENDPOINT} and OTEL_EXPORTER_OTLP_HEADERS, then: agentdyno export otlp",
            )
        raise HarnessFault(what, "agentdyno export otlp, once it is there")


class OtlpExporter:
    """Exports runs to a collector."""

    def __init__(self, pool: Pool, collector: Collector, secrets: Sequence[str] = ()) -> None:
        """
        Args:
            pool: the store.
            collector: where to.
            secrets: exact values that must not leave the store.
        """
        self._pool = pool
        self._collector = collector
        self._secrets = secrets

    async def export(self, matrix_id: str, progress: Progress) -> int:
        """Export one run; returns how many trials of it were sent. Raises like `Collector.send`."""
        executions = Executions(self._pool)
        own = await executions.of(matrix_id)
        for at in range(0, len(own), TRIALS):
            part = own[at:at + TRIALS]
            await self._collector.send(await self._traces(executions, part))
            progress(at + len(part), len(own))
        return len(own)

    async def _traces(
        self, executions: Executions, part: Sequence[Execution]
    ) -> list[tuple[Span, ...]]:
        trials, wires = await executions.load(part), await executions.wires(part)
        return [
            spans_of(trial, wire, attempt=one.attempt, secrets=self._secrets)
            for one, trial, wire in zip(part, trials, wires, strict=True)
        ]


class _Heard(logging.Handler):
    """Hears what the client has to say of a failure, and keeps it from the process's log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._logger = logging.getLogger("opentelemetry.exporter.otlp.proto.http")
        self.last = ""

    def __enter__(self) -> None:
        self.last = ""
        self._before = self._logger.propagate
        self._logger.propagate = False
        self._logger.addHandler(self)

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = self._before

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the newest line that says what failed; the last of several retries does not."""
        text = record.getMessage()
        if not (self.last and "max retries" in text):
            self.last = text


def _requests(traces: Sequence[Sequence[Span]]) -> Iterator[list[Span]]:
    """Yield spans by as many as one request may hold, those of one trace side by side."""
    spans: list[Span] = []
    size = 0
    for span in (span for trace in traces for span in trace):
        spans.append(span)
        size += _size(span.attributes) + sum(_size(one.attributes) for one in span.events)
        if size > REQUEST_CHARACTERS:
            yield spans
            spans, size = [], 0
    if spans:
        yield spans


def _size(attributes: Mapping[str, Value]) -> int:
    return sum(len(value) if isinstance(value, str) else 8 for value in attributes.values())
