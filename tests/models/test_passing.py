"""What a provider answers reaches the framework byte for byte, and is read on its way."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from agentdyno.core.sink import Delta
from agentdyno.core.trial import Outcome
from agentdyno.models.embeddings import Embeddings
from agentdyno.models.exchange import MAX_BODY
from agentdyno.models.passing import MAX_STREAM
from agentdyno.models.upstream import ModelRequest, Passage, Recorded, UpstreamError

Part = bytes | UpstreamError | asyncio.Event
HELLO = {"model": "default", "messages": [{"role": "user", "content": "hello"}]}
STREAM = {**HELLO, "stream": True, "stream_options": {"include_usage": True}}
ASK = {"model": "default", "input": "hello"}
USAGE = {"prompt_tokens": 70, "completion_tokens": 9, "total_tokens": 79,
         "prompt_tokens_details": {"cached_tokens": 64}}


class Provider:
    """Gives every request the same parts; an event is waited for, an error is raised."""

    def __init__(self, *parts: Part, **passage: Any) -> None:
        self.parts = parts
        self.passage = {"provider": "acme", "model": "acme-large", **passage}
        self.reached = asyncio.Event()
        self.closed = asyncio.Event()

    async def answer(self, request: ModelRequest) -> Passage:
        media = b"text/event-stream" if request.stream else b"application/json; charset=utf-8"
        return Passage(chunks=self._chunks(), media_type=media, **self.passage)

    async def _chunks(self) -> AsyncIterator[bytes]:
        try:
            for part in self.parts:
                if isinstance(part, UpstreamError):
                    raise part
                if isinstance(part, asyncio.Event):
                    self.reached.set()
                    await part.wait()
                else:
                    yield part
        finally:
            self.closed.set()


def sse(*events: Any, ends: bytes = b"\n") -> list[bytes]:
    """Return chat events as a provider sends them."""
    return [b"data: " + json.dumps(event).encode() + 2 * ends for event in events]


def piece(finish: str | None = None, index: int = 0, **delta: Any) -> dict[str, Any]:
    return {"id": "c1", "object": "chat.completion.chunk", "model": "acme-large-2026-01",
            "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def function(index: int, name: str | None = None, arguments: str = "", **more: Any) -> Any:
    return {"index": index, **more, "function": {"name": name, "arguments": arguments}}


OPENING = piece(role="assistant", content="")
LAST = {"id": "c1", "model": "acme-large-2026-01", "choices": [], "usage": USAGE}
DONE = b"data: [DONE]\n\n"
CHAT = [*sse(OPENING, piece(content="Good "), piece(content="day"), piece("stop"), LAST), DONE]


def named(kind: str, **data: Any) -> bytes:
    """Return one event of a Responses stream."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), json.dumps({"type": kind, **data}).encode())


def response_object(status: str, *output: Any, **more: Any) -> dict[str, Any]:
    usage = {"input_tokens": 70, "output_tokens": 9, "total_tokens": 79,
             "input_tokens_details": {"cached_tokens": 64}}
    return {"id": "r1", "object": "response", "status": status, "model": "acme-large-2026-01",
            "output": list(output), "usage": usage, "error": None, **more}


SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "day"}]}
CALLED = {"type": "function_call", "id": "fc1", "call_id": "call1", "name": "search",
          "arguments": '{"query": "x"}'}


async def stream(client: Any, body: dict[str, Any], endpoint: str = "chat/completions") -> bytes:
    """Return the bytes of a streamed answer."""
    response = await client.post(endpoint, body)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream")
    return bytes(response.content)


def error_in(body: bytes) -> dict[str, Any]:
    """Return the error event that ends a stream."""
    *_, event, data, end, rest = body.split(b"\n")
    assert (event, end, rest) == (b"event: error", b"", b"")
    told: dict[str, Any] = json.loads(data.removeprefix(b"data: "))
    return told


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
async def test_a_stream_passes_byte_for_byte_however_it_is_cut(
    bench: Any, size: int, ends: bytes
) -> None:
    sent = b": hi\n\n" + b"".join(
        sse(OPENING, piece(content="Grüß "), piece(content="Gott\r\n"), piece("stop"), LAST,
            ends=ends)) + DONE + b": bye"
    provider = Provider(*(sent[at : at + size] for at in range(0, len(sent), size)))
    client = bench.open(provider)
    assert await stream(client, STREAM) == sent
    [call] = client.sink.events
    assert (call.status, call.error, call.finish_reason) == (200, None, "stop")
    assert (call.tokens.prompt, call.tokens.completion, call.tokens.cached) == (70, 9, 64)
    assert provider.closed.is_set()


async def test_what_a_stream_says_is_in_its_event(bench: Any) -> None:
    client = bench.open(Provider(*CHAT, headers=((b"x-request-id", b"r7"),)))
    response = await client.post("chat/completions", STREAM)
    assert response.headers["x-request-id"] == "r7"
    [call], [wire] = client.sink.events, client.sink.wire
    assert (call.source, call.provider, call.provider_model) == (
        "live", "acme", "acme-large-2026-01")
    assert (call.stream, call.truncated, call.tokens_by) == (True, False, "provider")
    assert call.usage_sent == call.tokens
    assert wire.response.encode() == response.content == b"".join(CHAT)


async def test_the_first_token_is_no_role_and_gaps_lie_between_content(bench: Any) -> None:
    gates = [asyncio.Event(), asyncio.Event()]
    parts = [*sse(OPENING), gates[0], *sse(piece(content="a")), gates[1],
             *sse(piece(content="b"), piece(content="c"), piece("stop")), DONE]
    provider = Provider(*parts)
    client = bench.open(provider)
    answering = asyncio.create_task(stream(client, STREAM))
    opened = []
    for gate in gates:
        await provider.reached.wait()
        provider.reached.clear()
        opened.append(client.sink.now())
        gate.set()
    await answering
    [call] = client.sink.events
    assert opened[0] <= call.first_token_s <= opened[1]
    assert len(call.gaps_ms) == 2
    assert sum(call.gaps_ms) / 1000 <= call.ended_s - call.first_token_s + 0.001


async def test_every_form_of_a_streamed_call_is_read(bench: Any) -> None:
    parts = sse(
        OPENING,
        piece(tool_calls=[function(0, "search", id="a"), function(1, "fetch", id="b")]),
        piece(tool_calls=[function(0, None, '{"query":'), function(1, None, "{}")]),
        piece(tool_calls=[function(0, None, '"x"}')]),
        piece(tool_calls=[function(0, "weather", "{}", id="c")]),  # Gemini: one index for all
        piece("tool_calls"),
    )
    client = bench.open(Provider(*parts, DONE))
    await stream(client, STREAM)
    [call] = client.sink.events
    assert call.tools_called == ("search", "fetch", "weather")
    assert (call.finish_reason, call.first_token_s is not None) == ("tool_calls", True)


@pytest.mark.parametrize(("ending", "finish", "tools"), [
    (response_object("completed", SAID), "stop", ()),
    (response_object("completed", CALLED), "tool_calls", ("search",)),
    (response_object("incomplete", SAID, incomplete_details={"reason": "max_output_tokens"}),
     "length", ()),
    (response_object("incomplete", incomplete_details={"reason": "content_filter"}),
     "content_filter", ()),
])
@pytest.mark.parametrize("streamed", [True, False])
async def test_the_status_of_a_response_becomes_a_finish_reason(
    bench: Any, ending: dict[str, Any], finish: str, tools: tuple[str, ...], streamed: bool
) -> None:
    parts = [json.dumps(ending).encode()]
    if streamed:
        parts = [named("response.created", response=response_object("in_progress", usage=None))]
        for item in ending["output"]:
            parts += [named("response.output_item.added", item={**item, "arguments": ""}),
                      named("response.output_text.delta", delta="day"),
                      named("response.output_item.done", item=item)]
        parts.append(named(f"response.{ending['status']}", response=ending))
    client = bench.open(Provider(*parts))
    response = await client.post("responses", {**ASK, "stream": streamed})
    assert response.content == b"".join(parts)
    [call] = client.sink.events
    assert (call.finish_reason, call.tools_called, call.error) == (finish, tools, None)
    assert (call.tokens.prompt, call.tokens.completion, call.tokens.cached) == (70, 9, 64)
    assert call.provider_model == "acme-large-2026-01"


async def test_a_whole_chat_answer_passes_byte_for_byte(bench: Any) -> None:
    body = b'{ "model":"m-1", "choices":[{"index":0,"message":{"content":"hi","tool_calls":' \
           b'[{"id":"a","function":{"name":"search","arguments":"{}"}}]},' \
           b'"finish_reason":"tool_calls"}],\n"usage":' + json.dumps(USAGE).encode() + b"}\n"
    client = bench.open(Provider(body[:40], body[40:]))
    response = await client.post("chat/completions", HELLO)
    assert response.content == body
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    [call] = client.sink.events
    assert (call.finish_reason, call.tools_called, call.tokens_by) == (
        "tool_calls", ("search",), "provider")
    assert (call.tokens, call.provider_model) == (call.usage_sent, "m-1")


async def test_embeddings_pass_with_their_usage(bench: Any) -> None:
    body = json.dumps({"object": "list", "model": "vectors-1", "usage": {
        "prompt_tokens": 4, "total_tokens": 4}, "data": [{"embedding": [0.5], "index": 0}]})
    client = bench.open(Provider(body.encode()))
    assert (await client.post("embeddings", ASK)).text == body
    [call] = client.sink.events
    assert (call.api, call.tokens.prompt, call.tokens.completion) == ("embeddings", 4, 0)
    assert (call.tokens_by, call.provider_model, call.finish_reason) == (
        "provider", "vectors-1", None)


@pytest.mark.parametrize("streamed", [True, False])
async def test_tokens_that_no_provider_tells_are_counted_here(bench: Any, streamed: bool) -> None:
    whole = {"choices": [{"index": 0, "message": {"content": "Good day"}, "finish_reason": "stop"}]}
    parts = [*CHAT[:4], DONE] if streamed else [json.dumps(whole).encode()]
    client = bench.open(Provider(*parts))
    await client.post("chat/completions", {**HELLO, "stream": streamed})
    [call] = client.sink.events
    assert (call.tokens_by, call.usage_sent) == ("harness", None)
    assert (call.tokens.prompt, call.tokens.completion) == (2, 2)


async def test_a_request_that_only_the_provider_understands_has_no_count(bench: Any) -> None:
    client = bench.open(Provider(b'{"choices": []}'))
    assert (await client.post("chat/completions", {**HELLO, "n": 2})).content == b'{"choices": []}'
    [call] = client.sink.events
    assert (call.status, call.tokens, call.error, call.finish_reason) == (200, None, None, None)


@pytest.mark.parametrize("parts", [CHAT[:3], [*CHAT[:3], DONE], [*CHAT[:2], CHAT[2][:-9]], []])
async def test_a_stream_without_an_end_is_an_error_under_uniform_retries(
    bench: Any, parts: list[bytes]
) -> None:
    client = bench.open(Provider(*parts))
    response = await client.post("chat/completions", STREAM)
    if parts:
        assert response.content.startswith(b"".join(CHAT[:2]))
        error = error_in(response.content)["error"]
    else:
        assert (response.status_code, response.headers["x-should-retry"]) == (502, "false")
        error = response.json()["error"]
    assert "without a finish reason" in error["message"]
    [call] = client.sink.events
    assert (call.status, call.finish_reason, call.truncated) == (502, None, True)
    assert call.error == error["message"]
    assert client.sink.wire[0].response.encode() == response.content


@pytest.mark.parametrize("parts", [CHAT[:3], [*CHAT[:3], DONE], [*CHAT[:2], CHAT[2][:-9]]])
async def test_a_stream_without_an_end_is_left_as_it_is_when_shipped_retries_are_measured(
    bench: Any, parts: list[bytes]
) -> None:
    client = bench.open(Provider(*parts), retries="as-shipped")
    assert await stream(client, STREAM) == b"".join(parts)
    [call] = client.sink.events
    assert (call.status, call.error, call.finish_reason, call.truncated) == (200, None, None, True)


async def test_a_response_without_its_last_event_is_an_error_too(bench: Any) -> None:
    start = named("response.output_text.delta", delta="da")
    client = bench.open(Provider(start))
    told = error_in(await stream(client, {**ASK, "stream": True}, "responses"))
    assert told["type"] == "error"
    assert told["message"] == told["error"]["message"]
    assert client.sink.events[0].truncated


async def test_a_stream_that_breaks_off_ends_with_the_reason(bench: Any) -> None:
    provider = Provider(*CHAT[:3], UpstreamError(502, "acme hung up"))
    client = bench.open(provider)
    body = await stream(client, STREAM)
    assert body.startswith(b"".join(CHAT[:3]))
    assert error_in(body)["error"]["message"] == "acme hung up"
    [call] = client.sink.events
    assert (call.status, call.error, call.truncated) == (502, "acme hung up", True)
    assert call.tokens.completion == 2
    assert provider.closed.is_set()


@pytest.mark.parametrize(("body", "parts"), [(STREAM, CHAT[:3]), (HELLO, [b'{"choices": [{"in'])])
async def test_a_broken_answer_stays_broken_when_shipped_retries_are_measured(
    bench: Any, body: dict[str, Any], parts: list[bytes]
) -> None:
    client = bench.open(Provider(*parts, UpstreamError(502, "acme hung up")), retries="as-shipped")
    headers = {"Authorization": f"Bearer {client.sink.token}"}
    url, got = client.url("chat/completions"), b""
    async with client.http.stream("POST", url, json=body, headers=headers) as response:
        with pytest.raises(httpx2.RemoteProtocolError):  # noqa: PT012
            async for chunk in response.aiter_raw():
                got += chunk
    assert got == b"".join(parts)
    [call] = client.sink.events
    assert (call.status, call.finish_reason) == (200, None)
    assert "acme hung up" in call.error


async def test_an_answer_that_breaks_before_its_first_byte_is_an_http_error(bench: Any) -> None:
    for body in (HELLO, STREAM):
        client = bench.open(Provider(UpstreamError(504, "acme is silent")))
        response = await client.post("chat/completions", body)
        assert (response.status_code, response.headers["x-should-retry"]) == (504, "false")
        assert response.json()["error"]["message"] == "acme is silent"
        assert client.sink.events[0].status == 504


async def test_a_provider_that_fails_after_the_end_spoils_nothing(bench: Any) -> None:
    client = bench.open(Provider(*CHAT, UpstreamError(502, "acme hung up")))
    assert await stream(client, STREAM) == b"".join(CHAT)
    assert [call.error for call in client.sink.events] == [None]


@pytest.mark.parametrize("event", [
    {"error": {"message": "overloaded", "code": 529}}, {"error": "overloaded"},
    {**piece("error"), "error": {"message": "overloaded"}},
])
async def test_an_error_inside_a_stream_is_left_and_recorded(bench: Any, event: Any) -> None:
    parts = [*CHAT[:3], *sse(event)]
    client = bench.open(Provider(*parts))
    assert await stream(client, STREAM) == b"".join(parts)
    [call] = client.sink.events
    assert (call.status, call.error, call.truncated) == (200, "overloaded", False)


async def test_a_failed_response_is_recorded_as_an_error(bench: Any) -> None:
    failed = response_object("failed", error={"code": "server_error", "message": "out of order"})
    client = bench.open(Provider(named("response.failed", response=failed)))
    await stream(client, {**ASK, "stream": True}, "responses")
    [call] = client.sink.events
    assert (call.error, call.finish_reason, call.truncated) == ("out of order", None, False)


async def test_a_fault_of_the_bench_in_mid_stream_ends_the_trial(bench: Any) -> None:
    miss = UpstreamError(400, "nothing is recorded", ends_trial=True)
    client = bench.open(Provider(*CHAT[:3], miss), retries="as-shipped")
    error_in(await stream(client, STREAM))
    assert client.sink.stop == (Outcome.HARNESS_FAULT, "nothing is recorded")


@pytest.mark.parametrize("part", [b": still here\n\n", b"no line ends here "])
async def test_a_stream_that_never_ends_is_stopped_and_closed(bench: Any, part: bytes) -> None:
    class Endless(Provider):
        async def _chunks(self) -> AsyncIterator[bytes]:
            try:
                while True:
                    yield part * 20_000
            finally:
                self.closed.set()

    provider = Endless()
    client = bench.open(provider)
    body = (await client.post("chat/completions", STREAM)).content
    assert len(body) <= MAX_STREAM + 1000
    assert provider.closed.is_set()
    [call] = client.sink.events
    assert call.status == 502
    assert "16 MiB" in call.error


async def test_a_client_that_hangs_up_closes_the_provider_s_stream(bench: Any) -> None:
    provider = Provider(*CHAT[:3], asyncio.Event())
    client = bench.open(provider)
    call = asyncio.create_task(client.post("chat/completions", STREAM))
    await provider.reached.wait()
    call.cancel()
    await asyncio.wait_for(provider.closed.wait(), 5)
    [event] = client.sink.events
    assert (event.status, event.tokens.completion) == (499, 2)


async def test_the_end_of_a_trial_closes_the_provider_s_stream(bench: Any) -> None:
    provider = Provider(*CHAT[:3], asyncio.Event())
    client = bench.open(provider)
    call = asyncio.create_task(stream(client, STREAM))
    await provider.reached.wait()
    bench.gateway.close(client.sink.trial_id)
    assert [event.status for event in client.sink.events] == [400]
    assert "over" in error_in(await call)["error"]["message"]
    assert provider.closed.is_set()


async def test_an_answer_is_recorded_before_the_framework_has_its_end(bench: Any) -> None:
    gate = asyncio.Event()
    client = bench.open(Provider(*CHAT, gate))
    headers = {"Authorization": f"Bearer {client.sink.token}"}
    url, got = client.url("chat/completions"), b""
    async with client.http.stream("POST", url, json=STREAM, headers=headers) as response:
        async for chunk in response.aiter_raw():
            got += chunk
            if got.endswith(DONE):
                break
    bench.gateway.close(client.sink.trial_id)
    assert [(call.status, call.finish_reason) for call in client.sink.events] == [(200, "stop")]


async def test_a_recorded_answer_has_the_times_of_its_recording(bench: Any) -> None:
    times = Recorded(first_token_ms=250.0, duration_ms=900.0, gaps_ms=(30.0, 40.0))
    client = bench.open(Provider(*CHAT, source="recorded", recorded=times))
    await stream(client, STREAM)
    [call] = client.sink.events
    assert (call.source, call.gaps_ms) == ("recorded", (30.0, 40.0))
    assert call.first_token_s - call.started_s == pytest.approx(0.25)
    assert call.ended_s - call.started_s == pytest.approx(0.9)


async def test_who_watches_sees_the_text_as_it_streams_by(bench: Any) -> None:
    client = bench.open(Provider(*CHAT))
    seen: list[Any] = []
    client.sink.watch = seen.append
    await stream(client, STREAM)
    assert seen[:2] == [Delta(agent="researcher", text="Good "),
                        Delta(agent="researcher", text="day")]
    assert [event.kind for event in seen[2:]] == ["model_call"]


@pytest.mark.parametrize(("keys", "more", "pieces"), [
    ({}, "", 1), ({"stream": True}, "", 1), ({"stream": True}, "latency: {tokens_per_s: 9999}", 2),
])
async def test_who_watches_sees_what_the_scripted_model_says(
    play: Any, keys: dict[str, Any], more: str, pieces: int
) -> None:
    said = "one two three four five six seven eight nine ten eleven twelve"
    client = play(f"- say: {said}", more=more)
    seen: list[Any] = []
    client.sink.watch = seen.append
    await client.chat("hello", **keys)
    texts = [item.text for item in seen if isinstance(item, Delta)]
    assert ("".join(texts), len(texts)) == (said, pieces)
    assert len(client.sink.events[0].gaps_ms) == pieces - 1


async def test_a_request_of_20_mb_is_answered(bench: Any) -> None:
    class Echo:
        async def answer(self, request: ModelRequest) -> Passage | Embeddings:
            async def chunks() -> AsyncIterator[bytes]:
                yield json.dumps({"size": len(request.body), "choices": []}).encode()

            return Passage(chunks=chunks(), provider="acme")

    client = bench.open(Echo())
    response = await client.chat("many words " * 1_900_000)
    assert response.json()["size"] > 20_000_000
    [call] = client.sink.events
    assert call.tokens.prompt > 3_000_000


async def test_a_request_over_the_limit_is_refused_with_the_limit(bench: Any) -> None:
    client = bench.open(Provider())
    response = await client.post("chat/completions", {**HELLO, "more": "x" * MAX_BODY})
    assert response.status_code == 413
    assert "64 MiB" in response.json()["error"]["message"]
    assert [call.status for call in client.sink.events] == [413]
