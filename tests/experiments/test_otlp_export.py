"""Runs told to an OpenTelemetry collector: a real receiver of OTLP over HTTP takes them apart."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agentdyno.core.errors import UsageError
from agentdyno.core.settings import Settings, read_settings
from agentdyno.experiments.exporting import announce
from agentdyno.experiments.exportqueue import Patience, work_off
from agentdyno.experiments.traces.address import collector_address
from agentdyno.experiments.traces.build import spans_of
from agentdyno.experiments.traces.collector import Collector, OtlpExporter
from agentdyno.experiments.traces.spans import trace_id
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.exports import ExportQueue, ExportRow
from agentdyno.store.trials import TrialStore
from agentdyno.tests.experiments.test_traces import FULL, WIRE
from agentdyno.tests.experiments.trials import sealed

PATIENT = Patience(attempts=2, first_wait_s=0.0)


class Receiver:
    """A collector: keeps what it is sent, and answers as it is told to."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        """Statuses of the next answers; 200 after them."""
        self.headers: list[dict[str, str]] = []
        self.spans: list[Any] = []
        self.resources: list[dict[str, str]] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        body = ExportTraceServiceRequest.FromString(await request.read())
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            for resource in body.resource_spans:
                self.resources.append(
                    {a.key: a.value.string_value for a in resource.resource.attributes})
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return web.Response(status=status, headers={"retry-after": "99"})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    one = Receiver()
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/v1/traces", one.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield one
    await runner.cleanup()


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database, size=4)
    yield opened
    await opened.close()


def settings(tmp_path: Path, database: str, endpoint: str, **more: str) -> Settings:
    return read_settings({
        "PATH": os.environ["PATH"], "AGENTDYNO_CACHE": str(tmp_path),
        "AGENTDYNO_DATABASE_URL": database, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **more,
    })


async def stored(pool: Pool) -> str:
    """Store a run of two trials; returns its id."""
    store = TrialStore(pool)
    matrix = await store.create_matrix("agentdyno run s", {})
    await store.save(matrix, [(FULL, WIRE), (sealed("autogen"), ())])
    await store.finish_matrix(matrix, "finished")
    return matrix


async def export(pool: Pool, made: Settings) -> ExportRow:
    """Export every run; returns how the only one stands then."""
    queue = ExportQueue(pool)
    await queue.again("otlp", None)
    await work_off(made, pool, "otlp", patience=PATIENT)
    [row] = await queue.list()
    return row


def value(span: Any, name: str) -> Any:
    [found] = [a.value for a in span.attributes if a.key == name]
    return getattr(found, found.WhichOneof("value"))


async def test_every_trial_arrives_as_one_trace_with_all_its_spans(
    pool: Pool, database: str, tmp_path: Path, receiver: Receiver
):
    await stored(pool)
    made = settings(tmp_path, database, receiver.url,
                    OTEL_EXPORTER_OTLP_HEADERS="x-key=our%20own")
    row = await export(pool, made)
    assert (row.state, row.exported, row.error) == ("done", 2, "")
    expected = spans_of(FULL, WIRE) + spans_of(sealed("autogen"), ())
    got = {span.span_id.hex(): span for span in receiver.spans}
    assert set(got) == {span.span_id for span in expected}
    assert {span.trace_id.hex() for span in receiver.spans} == {
        trace_id(FULL.id, 1), trace_id(sealed("autogen").id, 1),
    }
    for span in expected:
        other = got[span.span_id]
        assert (other.name, other.parent_span_id.hex()) == (span.name, span.parent_id or "")
        assert (other.start_time_unix_nano, other.end_time_unix_nano) == (
            span.start_ns, span.end_ns)
        assert {a.key for a in other.attributes} == set(span.attributes)
        assert [event.name for event in other.events] == [event.name for event in span.events]
    chat = next(span for span in receiver.spans if span.name == "chat default")
    assert value(chat, "gen_ai.operation.name") == "chat"
    assert value(chat, "gen_ai.usage.input_tokens") == 10
    assert receiver.resources[0]["service.name"] == "agentdyno"
    assert receiver.headers[0]["x-key"] == "our own"


async def test_what_is_sent_again_is_the_same_to_the_last_byte(
    pool: Pool, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    matrix = await stored(pool)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    exporter = OtlpExporter(pool, Collector(os.environ))
    assert await exporter.export(matrix, lambda done, of: None) == 2
    first, receiver.spans = receiver.spans, []
    assert await exporter.export(matrix, lambda done, of: None) == 2
    assert [s.SerializeToString() for s in receiver.spans] == [
        s.SerializeToString() for s in first]


async def test_a_collector_that_has_no_time_is_asked_again(
    pool: Pool, database: str, tmp_path: Path, receiver: Receiver
):
    await stored(pool)
    receiver.answers = [503]
    row = await export(pool, settings(tmp_path, database, receiver.url))
    assert (row.state, row.attempts, len(receiver.headers)) == ("done", 2, 2)


async def test_a_collector_that_is_away_is_tried_later_and_named_without_its_password(
    pool: Pool, database: str, tmp_path: Path
):
    await stored(pool)
    row = await export(pool, settings(
        tmp_path, database, "http://me:pa55word@127.0.0.1:9", OTEL_EXPORTER_OTLP_TIMEOUT="1"))
    assert (row.state, row.attempts, row.exported) == ("waiting", 2, 0)
    assert row.next_try_at > row.asked_at
    assert "http://127.0.0.1:9 took no traces" in row.error
    assert "pa55word" not in row.error


async def test_a_collector_that_wants_a_key_is_not_asked_over_and_over(
    pool: Pool, database: str, tmp_path: Path, receiver: Receiver
):
    await stored(pool)
    receiver.answers = [401]
    row = await export(pool, settings(tmp_path, database, receiver.url))
    assert (row.state, row.attempts, len(receiver.headers)) == ("refused", 1, 1)
    assert "OTEL_EXPORTER_OTLP_HEADERS" in row.error


async def test_the_command_exports_a_run_by_the_beginning_of_its_id(
    pool: Pool, database: str, tmp_path: Path, receiver: Receiver
):
    matrix = await stored(pool)
    environ = settings(tmp_path, database, receiver.url).environment
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "agentdyno", "export", "otlp", matrix[:8], env=environ,
        cwd="/", stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, out.decode()) == (
        0, f"1 of 1 runs, 2 traces: {receiver.url}\n"), err.decode()
    assert len({span.trace_id for span in receiver.spans}) == 2


# The process that sends is nobody's child, which Python takes for a mistake.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_run_that_has_ended_is_sent_by_itself_where_a_collector_is_named(
    pool: Pool, database: str, tmp_path: Path, receiver: Receiver
):
    matrix, queue = await stored(pool), ExportQueue(pool)
    made = settings(tmp_path, database, receiver.url)
    ids = [FULL.id, sealed("autogen").id]
    assert await announce(pool, made, matrix, ids, mlflow=False) == ""
    async with asyncio.timeout(60):
        while True:
            [row] = await queue.list()
            if row.state == "done":
                break
            await asyncio.sleep(0.1)
    assert len({span.trace_id for span in receiver.spans}) == 2


@pytest.mark.parametrize(("environ", "message"), [
    ({}, "is not set"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}, "is no http address"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
     "http/protobuf alone"),
])
def test_what_is_no_collector_is_refused_in_words(environ: dict[str, str], message: str):
    with pytest.raises(UsageError, match=message):
        collector_address(environ)
