"""Whom the model gateway answers, whom it refuses, and what it writes down."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from agentdyno.core.spec import Limits
from agentdyno.core.trial import Outcome

HELLO = {"model": "default", "messages": [{"role": "user", "content": "hello"}]}


def error_of(response: Any) -> dict[str, Any]:
    """Return the error of a response, after checking what all errors share."""
    assert response.headers["x-should-retry"] == "false"
    error: dict[str, Any] = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    return error


async def test_a_request_without_a_token_is_refused(bench: Any, waiting: Any) -> None:
    client = bench.open(waiting)
    response = await client.http.post(client.url("chat/completions"), json=HELLO)
    assert response.status_code == 401
    assert "token" in error_of(response)["message"]
    assert client.sink.events == []


async def test_a_token_opens_only_its_own_trial(bench: Any, waiting: Any) -> None:
    first, second = bench.open(waiting), bench.open(waiting)
    for endpoint in ("chat/completions", "responses", "embeddings"):
        response = await first.post(endpoint, HELLO, token=second.sink.token)
        assert response.status_code == 403
        assert error_of(response)["type"] == "permission_error"
    assert first.sink.events == second.sink.events == []


async def test_an_unknown_trial_is_refused_like_a_wrong_token(bench: Any, waiting: Any) -> None:
    client = bench.open(waiting)
    client.sink.trial_id = "nothing"
    response = await client.post("chat/completions", HELLO)
    assert response.status_code == 403


@pytest.mark.parametrize(("path", "status"), [
    ("chat/completion", 404), ("", 404), ("models", 405),
])
async def test_an_unknown_endpoint_or_method_is_refused(
    bench: Any, waiting: Any, path: str, status: int
) -> None:
    response = await bench.open(waiting).post(path, HELLO)
    assert response.status_code == status
    error_of(response)


async def test_an_agent_that_is_not_in_the_team_is_not_found(bench: Any, waiting: Any) -> None:
    response = await bench.open(waiting).post("chat/completions", HELLO, agent="writer")
    assert response.status_code == 404
    assert "researcher, analyst" in error_of(response)["message"]


async def test_models_lists_the_aliases_of_the_team(bench: Any, waiting: Any) -> None:
    client = bench.open(waiting)
    response = await client.http.get(
        client.url("models"), headers={"Authorization": f"Bearer {client.sink.token}"})
    assert [model["id"] for model in response.json()["data"]] == ["default"]


@pytest.mark.parametrize(("body", "param"), [
    (b"{nonsense", None), (b"\xff\xfe", None), (b"[1]", None), (b"{}", "messages"),
    (b'{"messages": [{"role": "wizard"}], "model": "m"}', "messages[0].role"),
    (b'{"messages": [{"role": ["user"]}], "model": "m"}', "messages[0].role"),
    (b'{"messages": [{"role": "user", "content": 3}], "model": "m"}', "messages[0].content"),
    (b'{"messages": [{"role": "user", "tool_calls": 3}], "model": "m"}', "messages[0].tool_calls"),
    (b'{"messages": [{"role": "user"}], "model": "m", "n": 2}', "n"),
    (b'{"messages": [{"role": "user"}]}', "model"),
    (b'{"messages": [{"role": "user"}], "model": "m", "tools": [{}]}', "tools[0].type"),
    (b'{"messages": [{"role": "user"}], "model": "m", "stream": "yes"}', "stream"),
])
async def test_a_request_that_makes_no_sense_gets_400_and_is_recorded(
    bench: Any, waiting: Any, body: bytes, param: str | None
) -> None:
    client = bench.open(waiting)
    response = await client.http.post(
        client.url("chat/completions"), content=body,
        headers={"Authorization": f"Bearer {client.sink.token}"})
    assert response.status_code == 400
    assert error_of(response)["param"] == param
    [event] = client.sink.events
    assert (event.status, event.tokens) == (400, None)
    assert event.error == response.json()["error"]["message"]
    assert client.sink.stop is None


async def test_every_call_is_an_event_with_its_raw_exchange(play: Callable[..., Any]) -> None:
    client = play("- say: good day")
    sent = {**HELLO, "tools": [client.tool("search", "query")]}
    first = await client.post("chat/completions", sent, headers={"x-stainless-retry-count": "2"})
    second = await client.post("chat/completions", HELLO)
    one, two = client.sink.events
    assert (one.agent, one.api, one.model, one.stream) == ("researcher", "chat", "default", False)
    assert (one.ordinal, two.ordinal) == (0, 1)
    assert (one.status, one.finish_reason, one.retry_count) == (200, "stop", 2)
    assert one.tools_offered == ("search",)
    assert 0 <= one.started_s <= one.first_token_s <= one.ended_s <= two.started_s
    assert [record.seq for record in client.sink.wire] == [0, 1]
    assert json.loads(client.sink.wire[0].request) == sent
    assert [r.response for r in client.sink.wire] == [first.text, second.text]


async def test_usage_in_the_response_equals_the_event(play: Callable[..., Any]) -> None:
    client = play("- say: good day")
    usage = (await client.chat("hello", tools=[client.tool("search", "query")])).json()["usage"]
    tokens = client.sink.events[0].tokens
    assert usage["prompt_tokens"] == tokens.prompt > tokens.prompt_tools > 0
    assert usage["completion_tokens"] == tokens.completion == 2
    assert usage["total_tokens"] == tokens.prompt + tokens.completion


async def test_the_call_over_the_limit_is_refused_and_ends_the_trial(
    bench: Any, waiting: Any
) -> None:
    waiting.go.set()
    client = bench.open(waiting, limits=Limits(max_model_calls=2))
    statuses = [(await client.chat("hello", agent=agent)).status_code
                for agent in ("researcher", "analyst", "researcher")]
    assert statuses == [200, 200, 400]
    assert client.sink.stop == (Outcome.LIMIT, "limit of 2 model calls reached (max_model_calls)")
    assert client.sink.events[-1].tokens is None
    later = await client.chat("hello")
    assert later.status_code == 400
    assert "max_model_calls" in error_of(later)["message"]


async def test_a_client_that_hangs_up_is_recorded_and_its_work_is_cancelled(
    bench: Any, waiting: Any
) -> None:
    client = bench.open(waiting)
    call = asyncio.create_task(client.chat("hello"))
    await waiting.arrived.wait()
    call.cancel()
    await asyncio.wait_for(waiting.cancelled.wait(), 5)
    [event] = client.sink.events
    assert (event.status, event.error) == (499, "the client hung up")


async def test_closing_a_trial_answers_the_call_under_way_with_400(
    bench: Any, waiting: Any
) -> None:
    client = bench.open(waiting)
    call = asyncio.create_task(client.chat("hello"))
    await waiting.arrived.wait()
    bench.gateway.close(client.sink.trial_id)
    assert [event.status for event in client.sink.events] == [400]
    response = await call
    assert response.status_code == 400
    assert "over" in error_of(response)["message"]
    assert waiting.cancelled.is_set()
    assert len(client.sink.events) == 1


async def test_a_call_after_the_trial_was_closed_gets_400_and_no_event(
    bench: Any, waiting: Any
) -> None:
    client = bench.open(waiting)
    bench.gateway.close(client.sink.trial_id)
    assert (await client.chat("hello")).status_code == 400
    assert (await client.post("chat/completions", HELLO, token="x")).status_code == 403
    assert client.sink.events == []


async def test_closing_a_trial_breaks_a_stream_with_an_error_event(
    play: Callable[..., Any], bench: Any
) -> None:
    client = play("- say: one two three four five six seven eight nine ten eleven twelve",
                  more="latency: {tokens_per_s: 1}")
    body = {**HELLO, "stream": True}
    headers = {"Authorization": f"Bearer {client.sink.token}"}
    url = client.url("chat/completions")
    async with client.http.stream("POST", url, json=body, headers=headers) as response:
        lines = response.aiter_lines()
        first = await anext(lines)
        bench.gateway.close(client.sink.trial_id)
        rest = [line async for line in lines if line]
    assert json.loads(first.removeprefix("data: "))["object"] == "chat.completion.chunk"
    assert rest[-2] == "event: error"
    assert json.loads(rest[-1].removeprefix("data: "))["error"]["message"] == "the trial is over"
    [event] = client.sink.events
    assert (event.status, event.finish_reason) == (400, None)
    assert client.sink.wire[0].response.startswith(first)


async def test_a_trial_can_be_opened_again_after_it_was_closed(bench: Any, waiting: Any) -> None:
    waiting.go.set()
    client = bench.open(waiting)
    bench.gateway.close(client.sink.trial_id)
    bench.opened -= 1
    again = bench.open(waiting)
    assert (await again.chat("hello")).status_code == 200
    with pytest.raises(ValueError, match="open already"):
        bench.gateway.open(again.sink, [], waiting)


async def test_a_failure_of_the_gateway_itself_is_a_harness_fault(bench: Any) -> None:
    class Broken:
        async def answer(self, request: Any) -> Any:
            raise RuntimeError("no disk")

    client = bench.open(Broken())
    response = await client.chat("hello")
    assert response.status_code == 500
    assert error_of(response)["type"] == "server_error"
    assert client.sink.stop is not None
    assert client.sink.stop[0] is Outcome.HARNESS_FAULT


async def test_eight_concurrent_trials_do_not_mix(bench: Any, script: Callable[..., Any]) -> None:
    from agentdyno.models.scripted import ScriptedUpstream

    text = """
agents:
  researcher:
    - when: not called("search")
      call: {tool: search, arguments: {query: "{{ vars.word }}"}}
    - say: "{{ vars.word }} gave {{ result('search') }}"
  analyst: [{say: "{{ vars.word }}"}]
"""
    clients = [
        bench.open(ScriptedUpstream(script(text, word=f"word{n}"), n)) for n in range(8)
    ]

    async def run(number: int) -> str:
        client, tools = clients[number], [clients[number].tool("search", "query")]
        message = client.asked(await client.chat("go", tools=tools))
        results = client.answered(message, f"result{number}")
        return str(client.asked(await client.chat("go", message, *results))["content"])

    texts = await asyncio.gather(*map(run, range(8)))
    assert texts == [f"word{n} gave result{n}" for n in range(8)]
    for number, client in enumerate(clients):
        assert [event.ordinal for event in client.sink.events] == [0, 1]
        assert all(f"word{number}" in record.response for record in client.sink.wire)
