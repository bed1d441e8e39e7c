"""What goes to a provider and what comes back, to the byte; and providers that misbehave."""

import asyncio
from typing import Any

import orjson
import pytest

from agentdyno.core.event import ModelCall, ModelTry
from agentdyno.core.model import ModelChoice
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Outcome
from agentdyno.models.catalogue import read_providers
from agentdyno.models.conversation import Reply
from agentdyno.models.retrying import RetryingUpstream, RetryPolicy
from agentdyno.models.splice import with_model
from agentdyno.models.upstream import ModelRequest, UpstreamError

ODD = (
    b'{ "messages" : [ {"role":"user","content":"caf\xc3\xa9 \\"model\\": \\"no\\" \\u00e9"} ],\n'
    b'  "metadata":{"model":"inner"}, "seed": 1.50, "model"\t:\n "default" ,"x":[] }'
)
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


async def test_a_request_is_passed_byte_for_byte_but_for_its_model(live: Any, raw: Any) -> None:
    raw.say(ANSWER)
    trial = await live.open(own(raw, 'q"3:8b'), live.catalogue())
    await trial.ask(ODD)
    ((headers, body),) = raw.requests
    assert body == ODD.replace(b'"default"', b'"q\\"3:8b"')
    assert "authorization" not in headers
    assert trial.sink.token not in str(headers)


async def test_an_answer_is_passed_byte_for_byte_with_the_headers_worth_having(
    live: Any, raw: Any
) -> None:
    raw.say(ANSWER, "200 OK", "X-Request-Id: req_1", "OpenAI-Processing-Ms: 12", "Set-Cookie: a=b")
    trial = await live.open(own(raw), live.catalogue())
    status, body, headers = await trial.ask(HELLO)
    assert (status, body) == (200, ANSWER)
    assert headers["x-request-id"] == "req_1"
    assert headers["openai-processing-ms"] == "12"
    assert "set-cookie" not in headers


async def test_a_stream_is_passed_as_it_arrives(live: Any, raw: Any) -> None:
    go = asyncio.Event()
    raw.stream(STREAM[0], go, *STREAM[1:])
    trial = await live.open(own(raw), live.catalogue())
    async with live.http.post(
        f"{trial.base}/chat/completions", json=HELLO | {"stream": True},
        headers={"Authorization": f"Bearer {trial.sink.token}"},
    ) as response:
        assert await response.content.readany() == STREAM[0]
        go.set()
        assert await response.read() == b"".join(STREAM[1:])


@pytest.mark.parametrize(("body", "expected"), [
    (b'{"model":"a"}', b'{"model":"b"}'),
    (b'{"model":"a","n":[{"model":"a"}]}', b'{"model":"b","n":[{"model":"a"}]}'),
    (b'{"n":{"model":"a"},"model":"a"}', b'{"n":{"model":"a"},"model":"b"}'),
    (b' {"mod\\u0065l":"a", "n":"model"}', b' {"mod\\u0065l":"b", "n":"model"}'),
    (b'{"model":"z","model":"a"}', b'{"model":"b","model":"b"}'),
])
def test_only_the_top_level_model_is_replaced(body: bytes, expected: bytes) -> None:
    assert with_model(body, orjson.loads(body), "b") == expected


def test_a_request_for_the_right_model_already_is_the_same_object() -> None:
    assert with_model(ODD, orjson.loads(ODD), "default") is ODD


async def test_a_prompt_of_twenty_megabytes_passes(live: Any, raw: Any) -> None:
    raw.say(ANSWER)
    trial = await live.open(own(raw), live.catalogue())
    long = "word " * 4_000_000
    body = {"model": "default", "messages": [{"role": "user", "content": long}]}
    status, _, _ = await trial.ask(body)
    assert status == 200
    assert len(raw.requests[0][1]) == len(orjson.dumps(body)) - len("default") + len("qwen")


async def test_a_provider_that_is_down_is_named_with_its_address_and_the_next_command(
    live: Any, unused_tcp_port: int
) -> None:
    base = f"http://127.0.0.1:{unused_tcp_port}/v1"
    trial = await live.open(f"vllm:qwen@{base}", live.catalogue())
    status, _, _ = await trial.ask(HELLO)
    assert status == 502
    outcome, reason = trial.sink.stop
    assert outcome is Outcome.HARNESS_FAULT
    assert base in reason
    assert "the agent is not to blame" in reason
    assert "agentdyno doctor --model vllm:qwen" in reason
    assert [t.status for t in tries(trial)] == [None] * 5


async def test_a_stream_that_never_sends_is_given_up(live: Any, raw: Any, tmp_path: Any) -> None:
    never = asyncio.Event()
    raw.stream(never)
    file = tmp_path / "providers.yaml"
    file.write_text(f"providers: {{mine: {{base_url: '{raw.base}', idle_timeout_s: 0.05}}}}")
    trial = await live.open("mine:m", read_providers(file, None, {}), timeout_s=0.04)
    status, _, _ = await trial.ask(HELLO | {"stream": True})
    assert status == 504
    assert "sent nothing for 0.05 s" in trial.sink.stop[1]
    never.set()


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


async def test_a_refused_request_is_the_agents_own_and_the_trial_goes_on(
    live: Any, raw: Any
) -> None:
    refused = b'{"error":{"message":"context length exceeded","code":"context_length_exceeded"}}'
    raw.say(refused, "400 Bad Request")
    trial = await live.open(own(raw), live.catalogue())
    status, body, _ = await trial.ask(HELLO)
    assert (status, body) == (400, refused)
    assert trial.sink.stop is None


async def test_a_cloud_key_stays_away_from_an_address_of_ones_own(live: Any, raw: Any) -> None:
    raw.say(ANSWER)
    raw.say(ANSWER)
    catalogue = live.catalogue(OPENAI_API_KEY="sk-cloud", MINE="sk-mine")
    trial = await live.open(f"openai:m@{raw.base}", catalogue)
    await trial.ask(HELLO)
    assert "authorization" not in raw.requests[0][0]
    named = ModelChoice(model="openai:m", base_url=raw.base, key_env="MINE")
    trial = await live.open(named, catalogue)
    await trial.ask(HELLO)
    assert raw.requests[1][0]["authorization"] == "bearer sk-mine"


async def test_each_call_is_one_event_whatever_the_tries(live: Any, raw: Any) -> None:
    raw.say(b"oops", "500 Internal Server Error")
    raw.say(ANSWER)
    trial = await live.open(own(raw), live.catalogue())
    await trial.ask(HELLO)
    (call,) = [event for event in trial.sink.events if isinstance(event, ModelCall)]
    assert (call.status, call.error) == (200, None)


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
