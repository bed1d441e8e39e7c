"""What both dialects accept and send, streamed and not."""

import base64
import json
import struct
from collections.abc import Callable
from typing import Any

import pytest

TWO_CALLS = """
- when: not called("search")
  say: Let me look.
  calls:
    - {tool: search, arguments: {query: "größe", deep: {list: [1, 2.5, true, null]}}}
    - {tool: search, arguments: {query: two}}
- say: "{{ results('search') }}"
"""
ARGUMENTS = [{"query": "größe", "deep": {"list": [1, 2.5, True, None]}}, {"query": "two"}]


def data_lines(text: str) -> list[str]:
    return [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: ")]


def function(name: str) -> dict[str, Any]:
    return {"type": "function", "name": name, "description": "", "parameters": {"type": "object"}}


async def test_chat_gives_text_and_parallel_tool_calls(play: Callable[..., Any]) -> None:
    client = play(TWO_CALLS)
    response = await client.chat("go", tools=[client.tool("search", "query")])
    body = response.json()
    assert (body["object"], body["choices"][0]["finish_reason"]) == ("chat.completion",
                                                                     "tool_calls")
    assert client.asked(response)["content"] == "Let me look."
    assert [arguments for _, arguments in client.calls(response)] == ARGUMENTS
    ids = {call["id"] for call in client.asked(response)["tool_calls"]}
    assert len(ids) == 2
    assert client.sink.events[0].tools_called == ("search", "search")


async def test_a_chat_stream_holds_the_same_reply_and_ends_with_done(
    play: Callable[..., Any]
) -> None:
    client = play(TWO_CALLS)
    response = await client.chat("go", tools=[client.tool("search", "query")], stream=True,
                                 stream_options={"include_usage": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    *lines, done = data_lines(response.text)
    assert done == "[DONE]"
    *chunks, last = [json.loads(line) for line in lines]
    text, calls, finish = "", dict[int, str](), None
    for chunk in chunks:
        [choice] = chunk["choices"]
        assert (chunk["object"], chunk["usage"]) == ("chat.completion.chunk", None)
        text += choice["delta"].get("content") or ""
        for call in choice["delta"].get("tool_calls", []):
            calls[call["index"]] = calls.get(call["index"], "") + call["function"]["arguments"]
        finish = choice["finish_reason"] or finish
    assert (text, finish) == ("Let me look.", "tool_calls")
    assert [json.loads(calls[at]) for at in (0, 1)] == ARGUMENTS
    assert last["choices"] == []
    [event] = client.sink.events
    assert event.stream
    assert last["usage"]["total_tokens"] == event.tokens.prompt + event.tokens.completion
    assert client.sink.wire[0].response == response.text


async def test_a_stream_without_include_usage_has_no_usage(play: Callable[..., Any]) -> None:
    response = await play("- say: hi").chat("go", stream=True)
    assert "usage" not in response.text


async def test_responses_gives_a_message_and_function_calls(play: Callable[..., Any]) -> None:
    client = play(TWO_CALLS)
    body = {"model": "m", "input": "go", "tools": [function("search")], "instructions": "Be good."}
    answer = (await client.post("responses", body)).json()
    message, *calls = answer["output"]
    assert (answer["object"], answer["status"]) == ("response", "completed")
    assert message["content"][0]["text"] == "Let me look."
    assert [json.loads(call["arguments"]) for call in calls] == ARGUMENTS
    assert answer["instructions"] == "Be good."
    tokens = client.sink.events[0].tokens
    assert answer["usage"]["input_tokens"] == tokens.prompt
    assert client.sink.events[0].api == "responses"


async def test_responses_takes_its_own_output_back_as_input(play: Callable[..., Any]) -> None:
    client = play(TWO_CALLS)
    tools = [function("search")]
    said = (await client.post("responses", {"model": "m", "input": "go", "tools": tools})).json()
    outputs = [
        {"type": "function_call_output", "call_id": item["call_id"], "output": output}
        for item, output in zip(
            said["output"][1:], ["[1]", [{"type": "input_text", "text": "[2]"}]], strict=True)
    ]
    turns = [{"role": "user", "content": [{"type": "input_text", "text": "go"}]},
             {"type": "reasoning", "id": "r", "summary": []}, *said["output"], *outputs]
    answer = (await client.post("responses", {"model": "m", "input": turns})).json()
    assert answer["output"][0]["content"][0]["text"] == "[[1], [2]]"


async def test_a_responses_stream_has_the_events_of_the_api_in_order(
    play: Callable[..., Any]
) -> None:
    client = play(TWO_CALLS)
    response = await client.post("responses", {
        "model": "m", "input": "go", "stream": True, "tools": [function("search")]})
    events = [json.loads(line) for line in data_lines(response.text)]
    names = [line.removeprefix("event: ") for line in response.text.split("\n")
             if line.startswith("event: ")]
    kinds = [event["type"] for event in events]
    assert kinds == names
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    message = ["response.output_item.added", "response.content_part.added",
               "response.output_text.delta", "response.output_text.done",
               "response.content_part.done", "response.output_item.done"]
    assert kinds[:8] == ["response.created", "response.in_progress", *message]
    assert kinds[-1] == "response.completed"
    deltas = [e["delta"] for e in events if e["type"] == "response.function_call_arguments.delta"]
    done = [e for e in events if e["type"] == "response.function_call_arguments.done"]
    assert "".join(deltas) == "".join(event["arguments"] for event in done)
    assert [json.loads(event["arguments"]) for event in done] == ARGUMENTS
    final = events[-1]["response"]
    assert final["usage"]["output_tokens"] == client.sink.events[0].tokens.completion
    assert [item["id"] for item in final["output"]] == [
        e["item"]["id"] for e in events if e["type"] == "response.output_item.done"]


async def test_responses_refuses_state_that_the_gateway_does_not_keep(
    play: Callable[..., Any]
) -> None:
    body = {"model": "m", "input": "go", "previous_response_id": "resp_1"}
    response = await play("- say: hi").post("responses", body)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "previous_response_id"


async def test_content_may_be_blocks_null_or_missing_and_messages_may_have_names(
    play: Callable[..., Any]
) -> None:
    client = play("- say: \"{{ user }}/{{ find('(?s)notes: (.*)') }}\"")
    response = await client.chat(
        {"role": "developer", "content": [{"type": "text", "text": "notes: a"}]},
        {"role": "user", "name": "user", "content": [
            {"type": "text", "text": "one"}, {"type": "image_url", "image_url": {"url": "x"}}]},
        {"role": "assistant", "content": None, "name": "researcher"},
        {"role": "assistant"},
    )
    assert client.asked(response)["content"] == "one\n[image_url]/a"


async def test_embeddings_are_deterministic_labelled_and_come_in_both_encodings(
    play: Callable[..., Any]
) -> None:
    client = play("- say: hi")
    texts = ["hello world", "hello word", "zebra"]
    floats = (await client.post("embeddings", {"model": "e", "input": texts})).json()
    packed = (await client.post("embeddings", {
        "model": "e", "input": texts, "encoding_format": "base64"})).json()
    assert floats["model"] == "hash-ngram-v1"
    one, near, far = (item["embedding"] for item in floats["data"])
    assert struct.unpack("<256f", base64.b64decode(packed["data"][0]["embedding"])) == tuple(one)

    def dot(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert dot(one, one) == pytest.approx(1, abs=1e-6)
    assert dot(one, near) > 0.5 > dot(one, far)
    assert [event.api for event in client.sink.events] == ["embeddings", "embeddings"]
    assert client.sink.events[0].tokens.prompt == floats["usage"]["prompt_tokens"] > 0


@pytest.mark.parametrize("body", [
    {"input": "x"}, {"model": "e", "input": []}, {"model": "e", "input": [[1, 2]]},
    {"model": "e", "input": "x", "dimensions": 0},
    {"model": "e", "input": "x", "encoding_format": ["float"]},
])
async def test_embeddings_requests_that_make_no_sense_get_400(
    play: Callable[..., Any], body: dict[str, Any]
) -> None:
    assert (await play("- say: hi").post("embeddings", body)).status_code == 400
