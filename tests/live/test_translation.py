"""Anthropic's own protocol, through the translation library, against llmock."""

import sys
from typing import Any

import orjson
import pytest

from agentdyno.core.errors import UsageError
from agentdyno.core.event import ModelCall, ModelTry
from agentdyno.core.model import ModelChoice
from agentdyno.core.trial import Outcome
from agentdyno.models.catalogue import read_providers

KEY = "sk-ant-0123456789abcdef"
HELLO = {"model": "default", "messages": [
    {"role": "system", "content": "Be short."}, {"role": "user", "content": "hello"},
]}
ADD = {"type": "function", "function": {
    "name": "add", "description": "Adds.", "parameters": {
        "type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"],
    },
}}


@pytest.fixture
async def anthropic(llmock_server: str, live: Any) -> dict[str, str]:
    async with live.http.post(f"{llmock_server}/_llmock/reset") as response:
        assert response.status == 200
    return {"ANTHROPIC_BASE_URL": f"{llmock_server}/anthropic", "ANTHROPIC_API_KEY": KEY}


async def queue(live: Any, server: str, *behaviors: dict[str, Any]) -> None:
    async with live.http.post(
        f"{server}/_llmock/scenario", json={"behaviors": list(behaviors)}
    ) as response:
        assert response.status == 201, await response.text()


async def requests(live: Any, server: str) -> list[dict[str, Any]]:
    async with live.http.get(f"{server}/_llmock/requests") as response:
        found: list[dict[str, Any]] = (await response.json())["requests"]
        return found


async def test_a_chat_request_becomes_anthropics_and_its_answer_openais(
    live: Any, anthropic: dict[str, str], llmock_server: str
) -> None:
    trial = await live.open("anthropic:claude-x", live.catalogue(**anthropic))
    status, body, _ = await trial.ask(HELLO)
    assert status == 200, body
    answer = orjson.loads(body)
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"]
    (sent,) = await requests(live, llmock_server)
    assert (sent["provider"], sent["model"]) == ("anthropic", "claude-x")
    assert "Be short." in str(sent["body"]["system"])
    (call,) = [e for e in trial.sink.events if isinstance(e, ModelCall)]
    assert (call.provider, call.provider_model) == ("anthropic", "claude-x")
    assert call.tokens is not None
    assert call.tokens.prompt == answer["usage"]["prompt_tokens"]


async def test_translated_streams_are_openais(
    live: Any, anthropic: dict[str, str], llmock_server: str
) -> None:
    await queue(live, llmock_server, {"type": "reply", "text": "one two three"})
    trial = await live.open("anthropic:claude-x", live.catalogue(**anthropic))
    options = {"stream": True, "stream_options": {"include_usage": True}}
    status, body, headers = await trial.ask(HELLO | options)
    assert status == 200
    assert headers["content-type"].startswith("text/event-stream")
    chunks = [orjson.loads(line[6:]) for line in body.split(b"\n") if line.startswith(b"data: {")]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert "".join(c["delta"].get("content") or "" for c in choices) == "one two three"
    assert choices[-1]["finish_reason"] == "stop"
    assert any(chunk.get("usage") for chunk in chunks)
    assert body.endswith(b"data: [DONE]\n\n")


async def test_translated_tool_calls_are_openais(
    live: Any, anthropic: dict[str, str], llmock_server: str
) -> None:
    await queue(live, llmock_server,
                {"type": "reply", "tool_calls": [{"name": "add", "arguments": {"a": 2}}]})
    trial = await live.open("anthropic:claude-x", live.catalogue(**anthropic))
    _, body, _ = await trial.ask(HELLO | {"tools": [ADD]})
    message = orjson.loads(body)["choices"][0]["message"]
    (called,) = message["tool_calls"]
    assert called["function"]["name"] == "add"
    assert orjson.loads(called["function"]["arguments"]) == {"a": 2}
    result = {"role": "tool", "tool_call_id": called["id"], "content": "5"}
    history = [*HELLO["messages"], message, result]
    status, body, _ = await trial.ask({"model": "default", "messages": history, "tools": [ADD]})
    assert status == 200, body
    assert "tool_result" in str((await requests(live, llmock_server))[1]["body"])


async def test_errors_of_a_translated_provider_are_retried_by_the_gateway_alone(
    live: Any, anthropic: dict[str, str], llmock_server: str
) -> None:
    await queue(live, llmock_server, {"type": "fail", "status": 429, "retry_after": 9},
                {"type": "fail", "status": 529})
    trial = await live.open("anthropic:claude-x", live.catalogue(**anthropic))
    status, _, _ = await trial.ask(HELLO)
    assert status == 200
    tries = [e for e in trial.sink.events if isinstance(e, ModelTry)]
    assert [(t.status, t.decision) for t in tries] == [
        (429, "retry"), (529, "retry"), (200, "answered"),
    ]
    assert live.sleeps.waits[0] == 9


async def test_a_key_that_anthropic_refuses_is_named_by_its_variable_and_not_shown(
    live: Any, anthropic: dict[str, str], llmock_server: str
) -> None:
    await queue(live, llmock_server, {"type": "fail", "status": 401, "message": f"bad {KEY}"})
    trial = await live.open("anthropic:claude-x", live.catalogue(**anthropic))
    status, body, _ = await trial.ask(HELLO)
    assert status == 401
    assert trial.sink.stop[0] is Outcome.HARNESS_FAULT
    assert "ANTHROPIC_API_KEY" in trial.sink.stop[1]
    assert KEY not in trial.everything() + body.decode()


async def test_what_cannot_be_translated_says_so(live: Any, anthropic: dict[str, str]) -> None:
    trial = await live.open("anthropic:claude-x", live.catalogue(**anthropic))
    status, body, _ = await trial.ask({"model": "default", "input": "hi"}, "responses")
    assert status == 400
    assert b"does not answer OpenAI's Responses API" in body


async def test_a_translated_provider_that_is_down_is_named(
    live: Any, unused_tcp_port: int
) -> None:
    base = f"http://127.0.0.1:{unused_tcp_port}"
    catalogue = live.catalogue(ANTHROPIC_BASE_URL=base, ANTHROPIC_API_KEY=KEY)
    trial = await live.open("anthropic:claude-x", catalogue)
    status, _, _ = await trial.ask(HELLO)
    assert status == 502
    assert base in trial.sink.stop[1]


def test_without_the_library_the_install_command_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "any_llm", None)
    catalogue = read_providers(None, None, {"ANTHROPIC_API_KEY": KEY})
    with pytest.raises(UsageError) as refused:
        catalogue.check({"a": ModelChoice.of("anthropic:claude-x")})
    assert "any-llm-sdk[anthropic]" in refused.value.hint
