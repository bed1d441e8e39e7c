"""Retries and limits: what is tried again, what waits, and who is to blame."""

import asyncio
from typing import Any

import orjson

from agentdyno.core.event import ModelTry
from agentdyno.core.model import ModelChoice
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec
from agentdyno.models.catalogue import read_providers
from agentdyno.models.conversation import Reply
from agentdyno.models.retrying import RetryingUpstream, RetryPolicy
from agentdyno.models.upstream import ModelRequest, UpstreamError

ANSWER = b'{"id":"x", "object":"chat.completion","choices":[{"index":0,"message":' \
    b'{"role":"assistant","content":"caf\xc3\xa9" },"finish_reason":"stop"}], "usage":{' \
    b'"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}, "odd" : 1.0}\n'
HELLO = {"model": "default", "messages": [{"role": "user", "content": "hello"}]}


def frame(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + orjson.dumps({"id": "c", "choices": [choice]}) + b"\n\n"


STREAM = (frame({"content": "on"}), frame({"content": "e"}, "stop"), b"data: [DONE]\n\n")


def own(raw: Any, name: str = "qwen", **row: Any) -> ModelChoice:
    return ModelChoice(model=f"vllm:{name}", base_url=raw.base, **row)


def tries(trial: Any) -> list[ModelTry]:
    return [event for event in trial.sink.events if isinstance(event, ModelTry)]



async def test_a_connection_that_breaks_before_the_first_byte_is_tried_again(
    live: Any, raw: Any
) -> None:
    raw.answers.append([raw.head("200 OK", "Content-Length: 500"), b"{"])
    raw.answers.append([])
    raw.say(ANSWER)
    trial = await live.open(own(raw), live.catalogue())
    status, body, _ = await trial.ask(HELLO)
    assert (status, body) == (200, ANSWER)
    assert [t.decision for t in tries(trial)] == ["retry", "retry", "answered"]


async def test_a_stream_that_breaks_off_is_not_tried_again(live: Any, raw: Any) -> None:
    raw.stream(STREAM[0])
    trial = await live.open(own(raw), live.catalogue())
    _, body, _ = await trial.ask(HELLO | {"stream": True})
    assert b'"error"' in body
    assert len(raw.requests) == 1


async def test_no_more_calls_are_under_way_than_the_provider_takes(
    live: Any, raw: Any, tmp_path: Any
) -> None:
    go = asyncio.Event()
    raw.stream(STREAM[0], go, *STREAM[1:])
    raw.say(ANSWER)
    file = tmp_path / "providers.yaml"
    file.write_text(f"providers: {{mine: {{base_url: '{raw.base}', max_concurrency: 1}}}}")
    catalogue = read_providers(file, None, {})
    providers = await live.providers(catalogue)
    one = await live.open("mine:m", catalogue, providers=providers)
    two = await live.open("mine:m", catalogue, providers=providers)
    first = asyncio.create_task(one.ask(HELLO | {"stream": True}))
    await raw.arrived.wait()
    second = asyncio.create_task(two.ask(HELLO))
    assert await one.refused() == 401
    assert len(raw.requests) == 1
    go.set()
    assert (await first)[1] == b"".join(STREAM)
    assert (await second)[1] == ANSWER
    assert len(raw.requests) == 2


async def test_a_hung_up_call_gives_its_place_to_the_next(
    live: Any, raw: Any, tmp_path: Any
) -> None:
    never = asyncio.Event()
    raw.stream(STREAM[0], never)
    raw.say(ANSWER)
    file = tmp_path / "providers.yaml"
    file.write_text(f"providers: {{mine: {{base_url: '{raw.base}', max_concurrency: 1}}}}")
    trial = await live.open("mine:m", read_providers(file, None, {}))
    async with live.http.post(
        f"{trial.base}/chat/completions", json=HELLO | {"stream": True},
        headers={"Authorization": f"Bearer {trial.sink.token}"},
    ) as response:
        await response.content.readany()
        response.close()
    assert (await trial.ask(HELLO))[1] == ANSWER
    never.set()


async def test_calls_beyond_the_rate_wait(live: Any, raw: Any, tmp_path: Any) -> None:
    raw.say(ANSWER)
    raw.say(ANSWER)
    file = tmp_path / "providers.yaml"
    file.write_text(f"providers: {{mine: {{base_url: '{raw.base}', requests_per_minute: 1}}}}")
    trial = await live.open("mine:m", read_providers(file, None, {}))
    await trial.ask(HELLO)
    second = asyncio.create_task(trial.ask(HELLO))
    assert await trial.refused() == 401
    assert len(raw.requests) == 1
    live.gateway.close(trial.sink.trial_id)
    assert (await second)[0] == 400


async def test_a_wait_that_would_outlast_the_trial_is_not_begun(live: Any, raw: Any) -> None:
    raw.say(b'{"error":{"message":"slow"}}', "429 Too Many Requests", "Retry-After: 100")
    trial = await live.open(own(raw), live.catalogue(), timeout_s=60)
    status, _, _ = await trial.ask(HELLO)
    assert status == 429
    assert live.sleeps.waits == []
    assert [t.decision for t in tries(trial)] == ["give_up"]


async def test_an_empty_account_is_not_asked_again(live: Any, raw: Any) -> None:
    raw.say(b'{"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}',
            "429 Too Many Requests")
    trial = await live.open(own(raw), live.catalogue())
    await trial.ask(HELLO)
    assert len(raw.requests) == 1
    assert "nothing left to spend" in trial.sink.stop[1]


class Failing:
    """A wrapper that fails every call of its trial, as an injected fault does."""

    async def answer(self, request: ModelRequest) -> Reply:
        raise UpstreamError(500, "injected", retryable=True)


async def test_injected_faults_are_retried_and_say_nothing_about_the_provider(
    live: Any, raw: Any
) -> None:
    catalogue = live.catalogue()
    providers = await live.providers(catalogue)
    faulty = await live.open(own(raw), catalogue, providers=providers,
                             wrap=lambda sink, inner: Failing())
    for _ in range(2):
        assert (await faulty.ask(HELLO))[0] == 500
    assert [t.decision for t in tries(faulty)] == (["retry"] * 4 + ["give_up"]) * 2
    assert faulty.sink.stop is None
    raw.say(ANSWER)
    sound = await live.open(own(raw), catalogue, providers=providers)
    assert (await sound.ask(HELLO))[0] == 200


async def test_the_scripted_model_has_tries_only_where_one_failed(live: Any) -> None:
    class Once:
        failed = False

        async def answer(self, request: ModelRequest) -> Reply:
            if request.ordinal == 1 and not self.failed:
                self.failed = True
                raise UpstreamError(503, "injected", retryable=True, retry_after_s=2)
            return Reply(text="five")

    sink = Sink(trial_id="scripted", token="s")
    spec = AgentSpec(name="a", role="r", goal="g", instructions="i")
    upstream = RetryingUpstream(Once(), sink, RetryPolicy(), sleep=live.sleeps)
    for ordinal in range(2):
        answered = await upstream.answer(ModelRequest(
            api="chat", agent="a", agents={"a": spec}, ordinal=ordinal, body=b"{}", json={},
        ))
        assert answered == Reply(text="five")
    assert [(t.ordinal, t.decision) for t in sink.events] == [(1, "retry"), (1, "answered")]
    assert live.sleeps.waits == [2]
