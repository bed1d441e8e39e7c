"""What goes to a provider and what comes back, to the byte; and providers that misbehave."""

import asyncio
from typing import Any

import orjson
import pytest

from agentdyno.core.event import ModelCall, ModelTry
from agentdyno.core.model import ModelChoice
from agentdyno.core.trial import Outcome
from agentdyno.models.catalogue import read_providers
from agentdyno.models.splice import with_model

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
