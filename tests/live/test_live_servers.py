"""Live models against servers that nobody here wrote: a LiteLLM proxy, and llmock."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from agentdyno.core.event import ModelCall, ModelTry
from agentdyno.core.model import ModelChoice
from agentdyno.core.trial import Outcome

HELLO = {"model": "default", "messages": [{"role": "user", "content": "hello"}]}
KEY = "sk-openai-fedcba9876543210"
ADD = {"type": "function", "function": {
    "name": "add", "description": "Adds.", "parameters": {
        "type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"],
    },
}}


def events(sse: bytes) -> list[dict[str, Any]]:
    lines = [line[6:] for line in sse.split(b"\n") if line.startswith(b"data: {")]
    return [orjson.loads(line) for line in lines]


def text(sse: bytes) -> str:
    return "".join(
        choice["delta"].get("content") or "" for event in events(sse) for choice in event["choices"]
    )


def calls(trial: Any) -> list[ModelCall]:
    return [event for event in trial.sink.events if isinstance(event, ModelCall)]


def tries(trial: Any) -> list[ModelTry]:
    return [event for event in trial.sink.events if isinstance(event, ModelTry)]


@pytest.fixture
def openai(llmock_server: str) -> dict[str, str]:
    return {"OPENAI_BASE_URL": f"{llmock_server}/v1", "OPENAI_API_KEY": KEY}


@pytest.fixture
async def llmock(llmock_server: str, live: Any) -> Any:
    """Queues behaviours at llmock, and reads what it was sent."""

    class Control:
        async def queue(self, *behaviors: Mapping[str, Any]) -> None:
            async with live.http.post(
                f"{llmock_server}/_llmock/scenario", json={"behaviors": list(behaviors)}
            ) as response:
                assert response.status == 201, await response.text()

        async def requests(self) -> list[dict[str, Any]]:
            async with live.http.get(f"{llmock_server}/_llmock/requests") as response:
                found: list[dict[str, Any]] = (await response.json())["requests"]
                return found

    async with live.http.post(f"{llmock_server}/_llmock/reset") as response:
        assert response.status == 200
    return Control()


async def test_litellm_answers_as_a_whole(live: Any, litellm: dict[str, str]) -> None:
    trial = await live.open("litellm:mocked", live.catalogue(**litellm))
    status, body, _ = await trial.ask(HELLO)
    assert status == 200
    assert orjson.loads(body)["choices"][0]["message"]["content"] == "The sum is 5."
    (call,) = calls(trial)
    assert (call.source, call.provider, call.provider_model) == ("live", "litellm", "mocked")
    assert call.tokens is not None
    assert call.tokens_by == "provider"
    assert trial.sink.wire[0].response == body.decode()


async def test_litellm_streams(live: Any, litellm: dict[str, str]) -> None:
    trial = await live.open("litellm:mocked", live.catalogue(**litellm))
    options = {"stream": True, "stream_options": {"include_usage": True}}
    status, body, headers = await trial.ask(HELLO | options)
    assert status == 200
    assert headers["content-type"].startswith("text/event-stream")
    assert text(body) == "The sum is 5."
    assert body.rstrip().endswith(b"data: [DONE]")
    (call,) = calls(trial)
    assert call.first_token_s is not None
    assert call.usage_sent is not None


async def test_a_wrong_key_at_litellm_ends_the_trial_and_names_the_variable(
    live: Any, litellm: dict[str, str]
) -> None:
    wrong = "sk-wrong-000011112222"
    catalogue = live.catalogue(**litellm | {"LITELLM_API_KEY": wrong})
    trial = await live.open("litellm:mocked", catalogue)
    status, body, headers = await trial.ask(HELLO)
    assert status == 401
    assert headers["x-should-retry"] == "false"
    outcome, reason = trial.sink.stop
    assert outcome is Outcome.HARNESS_FAULT
    assert "LITELLM_API_KEY" in reason
    assert "litellm:mocked" in reason
    assert "agentdyno doctor --model litellm:mocked" in reason
    assert wrong not in trial.everything() + body.decode()


async def test_an_unknown_model_at_litellm_ends_the_trial_and_is_named(
    live: Any, litellm: dict[str, str]
) -> None:
    trial = await live.open("litellm:nonesuch", live.catalogue(**litellm))
    status, _, _ = await trial.ask(HELLO)
    assert status == 404
    assert trial.sink.stop[0] is Outcome.HARNESS_FAULT
    assert "'nonesuch'" in trial.sink.stop[1]


async def test_a_provider_that_stays_overloaded_is_not_the_agents_fault(
    live: Any, litellm: dict[str, str]
) -> None:
    trial = await live.open("litellm:always-429", live.catalogue(**litellm))
    status, _, headers = await trial.ask(HELLO)
    assert status == 429
    assert headers["x-should-retry"] == "false"
    assert [t.decision for t in tries(trial)] == ["retry"] * 4 + ["give_up"]
    assert len(live.sleeps.waits) == 4
    assert trial.sink.stop[0] is Outcome.HARNESS_FAULT


async def test_tools_are_called_and_their_results_understood(
    live: Any, openai: dict[str, str], llmock: Any
) -> None:
    await llmock.queue({"type": "reply", "tool_calls": [{"name": "add", "arguments": {"a": 2}}]})
    trial = await live.open("openai:gpt-4o", live.catalogue(**openai))
    _, body, _ = await trial.ask(HELLO | {"tools": [ADD]})
    message = orjson.loads(body)["choices"][0]["message"]
    (called,) = message["tool_calls"]
    assert called["function"]["name"] == "add"
    assert orjson.loads(called["function"]["arguments"]) == {"a": 2}
    result = {"role": "tool", "tool_call_id": called["id"], "content": "5"}
    history = [*HELLO["messages"], message, result]
    status, body, _ = await trial.ask({"model": "default", "messages": history, "tools": [ADD]})
    assert status == 200
    assert orjson.loads(body)["choices"][0]["message"]["content"]
    assert [call.tools_called for call in calls(trial)] == [("add",), ()]


async def test_streamed_tool_calls_arrive(live: Any, openai: dict[str, str], llmock: Any) -> None:
    await llmock.queue({"type": "reply", "tool_calls": [{"name": "add", "arguments": {"a": 2}}]})
    trial = await live.open("openai:gpt-4o", live.catalogue(**openai))
    _, body, _ = await trial.ask(HELLO | {"tools": [ADD], "stream": True})
    assert b'"add"' in body
    assert calls(trial)[0].tools_called == ("add",)


async def test_responses_and_embeddings_are_passed_too(
    live: Any, openai: dict[str, str], llmock: Any
) -> None:
    trial = await live.open("openai:gpt-4o", live.catalogue(**openai))
    status, body, _ = await trial.ask({"model": "default", "input": "hi"}, "responses")
    assert status == 200, body
    assert orjson.loads(body)["object"] == "response"
    status, body, _ = await trial.ask({"model": "default", "input": ["hi", "you"]}, "embeddings")
    assert status == 200, body
    assert len(orjson.loads(body)["data"]) == 2
    assert {record["model"] for record in await llmock.requests()} == {"gpt-4o"}


async def test_every_try_is_an_event_and_retry_after_is_kept_to(
    live: Any, openai: dict[str, str], llmock: Any
) -> None:
    await llmock.queue(
        {"type": "fail", "status": 429, "retry_after": 7},
        {"type": "fail", "status": 503},
    )
    trial = await live.open("openai:gpt-4o", live.catalogue(**openai))
    status, _, _ = await trial.ask(HELLO)
    assert status == 200
    found = tries(trial)
    assert [(t.attempt, t.status, t.decision) for t in found] == [
        (1, 429, "retry"), (2, 503, "retry"), (3, 200, "answered"),
    ]
    assert {(t.provider, t.model, t.ordinal) for t in found} == {("openai", "gpt-4o", 0)}
    assert live.sleeps.waits[0] == 7
    assert found[0].wait_s == 7
    assert len(await llmock.requests()) == 3
    assert len(calls(trial)) == 1


async def test_as_shipped_passes_the_providers_errors_through(
    live: Any, openai: dict[str, str], llmock: Any
) -> None:
    await llmock.queue({"type": "fail", "status": 429, "retry_after": 7, "message": "slow down"})
    trial = await live.open("openai:gpt-4o", live.catalogue(**openai), retries="as-shipped")
    status, body, headers = await trial.ask(HELLO)
    assert status == 429
    assert "slow down" in orjson.loads(body)["error"]["message"]
    assert headers["retry-after"] == "7"
    assert "x-should-retry" not in headers
    assert tries(trial) == []
    assert trial.sink.stop is None
    assert (await trial.ask(HELLO))[0] == 200


async def test_a_fallback_answers_after_the_declared_failures(
    live: Any, openai: dict[str, str], llmock: Any
) -> None:
    await llmock.queue({"type": "fail", "status": 500, "times": 2, "match": {"model": "gpt-big"}})
    choice = ModelChoice(
        model="openai:gpt-big", fallback=ModelChoice.of("openai:gpt-small"), fallback_after=2
    )
    trial = await live.open(choice, live.catalogue(**openai))
    status, _, _ = await trial.ask(HELLO)
    assert status == 200
    assert [(t.attempt, t.model, t.decision) for t in tries(trial)] == [
        (1, "gpt-big", "retry"), (2, "gpt-big", "fallback"), (3, "gpt-small", "answered"),
    ]
    assert calls(trial)[0].provider_model == "gpt-small"


async def test_the_circuit_opens_and_a_single_call_tries_again_after_a_while(
    live: Any, openai: dict[str, str], llmock: Any
) -> None:
    await llmock.queue({"type": "fail", "status": 500, "times": 5})
    mistral = openai["OPENAI_BASE_URL"].replace("/v1", "/mistral/v1")
    catalogue = live.catalogue(**openai, MISTRAL_BASE_URL=mistral, MISTRAL_API_KEY="sk-mistral")
    providers = await live.providers(catalogue)
    trial = await live.open("openai:gpt-4o", catalogue, providers=providers)
    assert (await trial.ask(HELLO))[0] == 500
    choice = ModelChoice(model="openai:gpt-4o", fallback=ModelChoice.of("mistral:small"))
    other = await live.open(choice, catalogue, providers=providers)
    assert (await other.ask(HELLO))[0] == 200
    assert [(t.decision, t.status, t.model) for t in tries(other)] == [
        ("fallback", None, "gpt-4o"), ("answered", 200, "small"),
    ]
    live.clock[0] += 31
    third = await live.open("openai:gpt-4o", catalogue, providers=providers)
    assert (await third.ask(HELLO))[0] == 200
    assert [t.decision for t in tries(third)] == ["answered"]


async def test_a_dropped_connection_is_an_error_for_the_framework(
    live: Any, openai: dict[str, str], llmock: Any
) -> None:
    await llmock.queue(
        {"type": "reply", "text": "a rather long answer of many words"},
        {"type": "stream_fault", "kind": "disconnect", "after_chunks": 3},
    )
    trial = await live.open("openai:gpt-4o", live.catalogue(**openai))
    _, body, _ = await trial.ask(HELLO | {"stream": True})
    assert b'"error"' in body
    assert "broke off its answer" in trial.everything()


async def test_no_key_is_ever_kept_or_shown(
    live: Any, openai: dict[str, str], llmock: Any
) -> None:
    catalogue = live.catalogue(**openai)
    trial = await live.open("openai:gpt-4o", catalogue)
    await llmock.queue({"type": "fail", "status": 400, "message": f"bad key {KEY}"})
    said = [await trial.ask(HELLO), await trial.ask(HELLO)]
    target = catalogue.target(ModelChoice.of("openai:gpt-4o"))
    shown = f"{trial.everything()} {said} {catalogue!r} {target!r}"
    assert KEY not in shown
    assert "bad key ***" in shown
    assert trial.sink.token not in str(await llmock.requests())
