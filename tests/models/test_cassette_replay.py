"""A cassette answers what it knows, and says what is different about what it does not know."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from agentdyno.core.event import ModelCall
from agentdyno.core.trial import Outcome, Trial, TrialKey, WorkerReport
from agentdyno.models.cassette.cassette import Cassette
from agentdyno.models.cassette.replayer import Replayer
from agentdyno.models.upstream import Answered, ModelRequest, Passage, UpstreamError

KEY = TrialKey(
    scenario="docs_question", scenario_digest="0" * 64, runner="langgraph", runner_version="1.2.2",
    runner_digest="0" * 64, model_digest="0" * 64,
)


def cassette_of(client: Any, key: TrialKey = KEY, **fields: Any) -> Cassette:
    """Return the cassette of what a client did, after a journey through its file's text."""
    sink = client.sink
    outcome, reason = sink.stop or (Outcome.COMPLETED, "")
    trial = Trial(
        id=sink.trial_id, key=key, outcome=outcome, reason=reason, duration_s=1.0,
        started_at="2026-01-02T03:04:05+00:00", report=WorkerReport(ended="returned"),
        events=tuple(sorted(sink.events, key=lambda event: event.started_s)), **fields,
    )
    return Cassette.read(Cassette.of(trial, sink.wire).text(), "cassettes/one.yaml")


class Provider:
    """An upstream that passes on the bodies it was given, one per call."""

    def __init__(self, *bodies: Any) -> None:
        self.bodies = list(bodies)
        self.asked: list[ModelRequest] = []

    async def answer(self, request: ModelRequest) -> Answered:
        self.asked.append(request)
        body = self.bodies.pop(0)
        if isinstance(body, UpstreamError):
            raise body
        pieces = body if isinstance(body, list) else [body]
        kind = b"text/event-stream" if request.stream else b"application/json"
        return Passage(chunks=self._chunks(pieces), media_type=kind, provider="acme")

    @staticmethod
    async def _chunks(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece


def whole(text: str, **message: Any) -> bytes:
    said = {"role": "assistant", "content": text, **message}
    choice = {"index": 0, "message": said, "finish_reason": "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    return json.dumps({"id": "chatcmpl-9", "object": "chat.completion", "created": 1,
                       "model": "acme-1", "choices": [choice], "usage": usage}).encode()


def streamed(*texts: str) -> list[bytes]:
    def event(delta: Any, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return b"data: %b\n\n" % json.dumps(
            {"id": "chatcmpl-9", "model": "acme-1", "choices": [choice]}).encode()

    return [*(event({"content": text}) for text in texts), event({}, "stop"), b"data: [DONE]\n\n"]


def calls(client: Any) -> list[ModelCall]:
    return [event for event in client.sink.events if isinstance(event, ModelCall)]


def replaying(bench: Any, cassette: Cassette, **options: Any) -> tuple[Any, Replayer]:
    """Open a trial that `cassette` answers."""
    later: list[Replayer] = []

    class Late:
        async def answer(self, request: ModelRequest) -> Answered:
            return await later[0].answer(request)

    client = bench.open(Late())
    later.append(Replayer(cassette, client.sink, **options))
    return client, later[0]


async def test_a_body_is_replayed_byte_for_byte_with_no_provider(bench):
    body = whole("Good day. 日本 \u2028 ").replace(b", ", b" ,  ")
    first = bench.open(Provider(body))
    said = await first.chat("hello")
    second, replayer = replaying(bench, cassette_of(first))
    again = await second.chat("hello")
    assert again.content == said.content == body
    assert replayer.unused() == ()
    (call,) = calls(second)
    assert (call.source, call.provider, call.status) == ("recorded", "acme", 200)


async def test_a_stream_is_replayed_event_by_event(bench):
    events = streamed("Good ", "day", ".")
    first = bench.open(Provider([b"".join(events[:2]), *events[2:]]))
    said = await first.chat("hello", stream=True)
    cassette = cassette_of(first)
    assert [chunk.text.encode() for chunk in cassette.calls[0].stream] == events
    second, _ = replaying(bench, cassette)
    again = await second.chat("hello", stream=True)
    assert again.content == said.content == b"".join(events)
    assert again.headers["content-type"] == "text/event-stream"


async def test_a_recorded_error_is_answered_with_the_providers_status_and_body(bench):
    body = b'{"error": {"message": "slow down", "type": "rate_limit"}}'
    first = bench.open(Provider(UpstreamError(429, "slow down", body=body)))
    await first.chat("hello")
    second, _ = replaying(bench, cassette_of(first))
    again = await second.chat("hello")
    assert (again.status_code, again.content) == (429, body)
    assert second.sink.stop is None


async def test_other_tool_call_ids_are_the_same_request(bench):
    def conversation(ident: str) -> list[Any]:
        call = {"id": ident, "type": "function", "function": {"name": "look", "arguments": "{}"}}
        return ["hello", {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": ident, "content": f"result of {ident}"}]

    first = bench.open(Provider(whole("done")))
    await first.chat(*conversation("call_8f3a77c1"))
    second, _ = replaying(bench, cassette_of(first))
    assert (await second.chat(*conversation("call_000000ff"))).status_code == 200


async def test_ids_of_the_run_and_of_the_trial_are_the_same_request(bench):
    first = bench.open(Provider(whole("done")))
    run = "0b9a3c52-8a3e-4f0e-9d55-3f6a1c0a7e11"
    await first.chat(f"you are in {first.sink.trial_id}", metadata={"run": run}, user=run)
    second, _ = replaying(bench, cassette_of(first))
    other = "11111111-2222-3333-4444-555555555555"
    again = await second.chat(
        f"you are in {second.sink.trial_id}", metadata={"run": other}, user=other)
    assert again.status_code == 200


async def test_two_results_that_change_places_are_another_request(bench):
    def conversation(*order: str) -> list[Any]:
        made = [{"id": i, "type": "function", "function": {"name": "look", "arguments": "{}"}}
                for i in ("call_aaaaaaaa", "call_bbbbbbbb")]
        results = [{"role": "tool", "tool_call_id": i, "content": "x"} for i in order]
        return ["hello", {"role": "assistant", "tool_calls": made}, *results]

    first = bench.open(Provider(whole("done")))
    await first.chat(*conversation("call_aaaaaaaa", "call_bbbbbbbb"))
    second, _ = replaying(bench, cassette_of(first))
    again = await second.chat(*conversation("call_bbbbbbbb", "call_aaaaaaaa"))
    assert again.status_code == 400


async def test_agents_may_ask_in_another_order_than_in_the_recording(bench):
    first = bench.open(Provider(whole("one"), whole("two")))
    await first.chat("hello", agent="researcher")
    await first.chat("hello", agent="analyst")
    second, _ = replaying(bench, cassette_of(first))
    answers = [first.asked(await second.chat("hello", agent=name))["content"]
               for name in ("analyst", "researcher")]
    assert answers == ["two", "one"]


class Together(Provider):
    """A provider that answers two calls when both are there."""

    def __init__(self, *bodies: Any) -> None:
        super().__init__(*bodies)
        self.both = asyncio.Event()

    async def answer(self, request: ModelRequest) -> Answered:
        answered = await super().answer(request)
        if len(self.asked) == 2:
            self.both.set()
        await self.both.wait()
        return answered


async def test_calls_that_overlapped_in_the_recording_may_change_places(bench):
    first = bench.open(Together(whole("one"), whole("two")))
    recorded = await asyncio.gather(first.chat("a"), first.chat("b"))
    second, replayer = replaying(bench, cassette_of(first))
    again = [await second.chat(text) for text in ("b", "a")]
    assert [r.content for r in again] == [r.content for r in reversed(recorded)]
    assert replayer.unused() == ()


async def test_calls_that_followed_each_other_may_not_change_places(bench):
    first = bench.open(Provider(whole("one"), whole("two")))
    await first.chat("a")
    await first.chat("b")
    second, _ = replaying(bench, cassette_of(first))
    assert (await second.chat("b")).status_code == 400
    assert second.sink.stop[0] is Outcome.HARNESS_FAULT


async def test_a_miss_names_recording_field_values_and_shows_prompts_and_schemas(bench):
    first = bench.open(Provider(whole("done")))
    system = {"role": "system", "content": "You are brief.\nUse tools."}
    tool = first.tool("look", "query", description="Look something up.")
    await first.chat(system, "hello", tools=[tool])
    second, _ = replaying(bench, cassette_of(first))
    changed = {"role": "system", "content": "You are brief.\nAlways use tools."}
    other = first.tool("look", "query", description="Look something up. Returns JSON.")
    answer = await second.chat(changed, "hello", tools=[other])
    assert answer.status_code == 400
    assert answer.headers["x-should-retry"] == "false"
    outcome, reason = second.sink.stop
    assert outcome is Outcome.HARNESS_FAULT
    lines = [line.strip() for line in reason.splitlines()]
    assert lines[0] == "no recording answers call 1 of agent researcher."
    assert lines[1] == ("cassette: cassettes/one.yaml, recorded with langgraph 1.2.2 "
                        "on 2026-01-02")
    assert "nearest:  call 1 of researcher" in lines
    assert "first difference: $.messages[0].content" in lines
    assert 'recorded: "You are brief.\\nUse tools."' in lines
    assert 'now:      "You are brief.\\nAlways use tools."' in lines
    assert "-  Use tools." in reason
    assert "+  Always use tools." in reason
    assert '"description": "Look something up. Returns JSON."' in reason
    assert lines[-1].startswith("next: agentdyno run docs_question --runner langgraph")


async def test_a_call_too_many_is_told_as_one(bench):
    first = bench.open(Provider(whole("one")))
    await first.chat("a")
    second, _ = replaying(bench, cassette_of(first))
    await second.chat("a")
    await second.chat("a")
    reason = second.sink.stop[1]
    assert "the recording has only 1 calls of researcher: this is one more" in reason
    assert "the same request was asked, and answered, before" in reason


async def test_an_agent_that_was_silent_in_the_recording_is_told_so(bench):
    first = bench.open(Provider(whole("one")))
    await first.chat("a")
    second, _ = replaying(bench, cassette_of(first))
    await second.chat("a", agent="analyst")
    assert ("agent analyst made no model call in the recording, only researcher did"
            in second.sink.stop[1])


async def test_a_long_prompt_is_cut_around_the_difference(bench):
    before, after = "x" * 5000 + "old" + "y" * 5000, "x" * 5000 + "new" + "y" * 5000
    first = bench.open(Provider(whole("one")))
    await first.chat(before)
    second, _ = replaying(bench, cassette_of(first))
    await second.chat(after)
    reason = second.sink.stop[1]
    assert "old" in reason
    assert "new" in reason
    assert len(reason) < 2500


async def test_a_miss_may_go_live_and_the_events_say_who_answered(bench):
    first = bench.open(Provider(whole("one"), whole("two")))
    await first.chat("a")
    await first.chat("b")
    provider = Provider(whole("live"))
    second, replayer = replaying(bench, cassette_of(first), on_miss=provider)
    await second.chat("a")
    assert first.asked(await second.chat("c"))["content"] == "live"
    assert [call.source for call in calls(second)] == ["recorded", "live"]
    assert replayer.unused() == ("call 2 of researcher (answered 200)",)


async def test_a_fork_replays_the_first_calls_and_goes_live_from_there(bench):
    first = bench.open(Provider(whole("one"), whole("two"), whole("three")))
    for text in ("a", "b", "c"):
        await first.chat(text)
    provider = Provider(whole("live two"), whole("live three"))
    second, replayer = replaying(bench, cassette_of(first), live=provider, fork_at=1)
    said = [first.asked(await second.chat(text))["content"] for text in ("a", "b", "c")]
    assert said == ["one", "live two", "live three"]
    assert [call.source for call in calls(second)] == ["recorded", "live", "live"]
    assert len(replayer.unused()) == 2


async def test_a_retry_in_the_gateway_is_answered_by_the_recording_of_its_call(bench):
    class Retrying:
        """Asks twice for each call, as after a fault that was injected on the way back."""

        async def answer(self, request: ModelRequest) -> Answered:
            lost = await replayer.answer(request)
            assert [chunk async for chunk in lost.chunks]
            return await replayer.answer(request)

    first = bench.open(Provider(whole("one"), whole("two")))
    for text in ("a", "b"):
        await first.chat(text)
    second = bench.open(Retrying())
    replayer = Replayer(cassette_of(first), second.sink, fork_at=2, live=Provider())
    said = [first.asked(await second.chat(text))["content"] for text in ("a", "b")]
    assert said == ["one", "two"]
    assert replayer.unused() == ()


async def test_a_fork_is_strict_before_it_goes_live(bench):
    first = bench.open(Provider(whole("one"), whole("two")))
    await first.chat("a")
    second, _ = replaying(bench, cassette_of(first), live=Provider(whole("live")), fork_at=1)
    assert (await second.chat("other")).status_code == 400
    assert second.sink.stop[0] is Outcome.HARNESS_FAULT


def test_a_fork_needs_somewhere_to_go(bench):
    with pytest.raises(ValueError, match="fork_at needs an upstream"):
        Replayer(Cassette(head=None, calls=(), recording=None), None, fork_at=1)


async def test_what_the_bench_refused_is_left_out_and_named(bench, script):
    first = bench.open(Provider(whole("one")))
    await first.chat("a")
    first.sink.end(Outcome.LIMIT, "limit of 1 model calls reached (max_model_calls)")
    await first.chat("b")
    cassette = cassette_of(first)
    assert [call.ordinal for call in cassette.calls] == [0]
    assert cassette.head.left_out[0].startswith("call 2 of researcher: the trial is over")


async def test_a_cassette_can_be_made_of_a_replay(bench):
    first = bench.open(Provider(streamed("Good ", "day")))
    await first.chat("hello", stream=True)
    original = cassette_of(first)
    second, _ = replaying(bench, original)
    await second.chat("hello", stream=True)
    copy = cassette_of(second)
    assert copy.calls[0].request_key == original.calls[0].request_key
    assert copy.calls[0].body_text() == original.calls[0].body_text()


async def test_embeddings_are_replayed(bench):
    body = b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,1e-07]}]}'
    first = bench.open(Provider(body))
    await first.post("embeddings", {"model": "m", "input": "text"})
    second, _ = replaying(bench, cassette_of(first))
    again = await second.post("embeddings", {"model": "m", "input": "text"})
    assert again.content == body


async def test_recorded_latency_is_kept_and_labelled_as_recorded(bench):
    first = bench.open(Provider(streamed("a", "b", "c")))
    await first.chat("hello", stream=True)
    cassette = cassette_of(first)
    slow = cassette.calls[0].model_copy(update={
        "first_token_ms": 1500.0, "duration_ms": 4000.0, "gaps_ms": (700.0, 800.0),
    })
    second, _ = replaying(bench, Cassette(head=cassette.head, calls=(slow,), recording=None))
    await second.chat("hello", stream=True)
    (call,) = calls(second)
    assert call.source == "recorded"
    assert call.gaps_ms == (700.0, 800.0)
    assert call.first_token_s - call.started_s == pytest.approx(1.5)
    assert call.ended_s - call.started_s == pytest.approx(4.0)
    assert second.sink.now() - call.started_s < 1.5, "by itself, a replay does not wait"


async def test_a_replay_may_be_as_slow_as_the_provider_was(bench, monkeypatch):
    waited = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    first = bench.open(Provider(streamed("a", "b")))
    await first.chat("hello", stream=True)
    cassette = cassette_of(first)
    chunks = tuple(chunk.model_copy(update={"ms": 500.0 * (at + 1)})
                   for at, chunk in enumerate(cassette.calls[0].stream))
    slow = cassette.calls[0].model_copy(update={"stream": chunks})
    second, _ = replaying(
        bench, Cassette(head=cassette.head, calls=(slow,), recording=None), pace=True)
    monkeypatch.setattr("agentdyno.models.cassette.replayer.asyncio.sleep", sleep)
    await second.chat("hello", stream=True)
    assert waited == [0.5] * len(chunks)
