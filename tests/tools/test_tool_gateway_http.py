"""The gateway's wire: who may come in, what is answered, what is recorded."""

import asyncio
import json
from typing import Any

import pytest
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from agentdyno.core.event import ToolCall, ToolsListed
from agentdyno.core.spec import Limits
from agentdyno.core.trial import Outcome
from agentdyno.tools.protocol import HANDSHAKE_VERSIONS, MODERN_VERSION


async def opened(bench: Any, *tools: str, **more: Any) -> Any:
    servers = {"tiny": bench.tiny()}
    return await bench.open(bench.agent(*tools or ("tiny.*",)), servers=servers, **more)


def calls(sink: Any) -> list[ToolCall]:
    return [event for event in sink.events if isinstance(event, ToolCall)]


def test_the_protocol_constants_are_those_of_the_official_package() -> None:
    assert HANDSHAKE_VERSIONS == HANDSHAKE_PROTOCOL_VERSIONS
    assert (MODERN_VERSION,) == MODERN_PROTOCOL_VERSIONS


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_official_client_lists_and_calls_tools(bench: Any, mode: str) -> None:
    sink = await opened(bench, "tiny.echo", "tiny.add")
    async with bench.client(mode) as client:
        listed = await client.list_tools()
        result = await client.call_tool("add", {"a": 2, "b": 3})
    assert [tool.name for tool in listed.tools] == ["echo", "add"]
    assert result.content[0].text == "5"
    assert [call.tool for call in calls(sink)] == ["add"]


async def test_arguments_reach_the_server_and_the_trace_exactly(bench: Any) -> None:
    sink = await opened(bench)
    arguments = {
        "nested": {"list": [1, [2, {"deep": None}]], "empty": {}},
        "unicode": "Zürich 東京 🦉 \u0007", "big": 2**80, "small": -1.5e-300,
        "yes": True, "no": False, "nothing": None,
    }
    result = await bench.call("echo", arguments)
    assert json.loads(bench.text(result)) == arguments
    (call,) = calls(sink)
    assert call.arguments == arguments
    assert type(call.arguments["big"]) is int
    assert (call.server, call.tool, call.ordinal, call.is_error) == ("tiny", "echo", 0, False)
    assert call.started_s <= call.ended_s


async def test_the_raw_exchange_is_kept(bench: Any) -> None:
    sink = await opened(bench)
    raw = '{"jsonrpc": "2.0",  "id": "a", "method": "tools/call", "params": {"name": "echo"}}'
    status, body = await bench.post("", body=raw)
    assert status == 200
    (record,) = sink.wire
    assert (record.channel, record.agent, record.request) == ("tool", "worker", raw)
    assert json.loads(record.response) == body
    assert body["id"] == "a"


async def test_what_each_agent_is_offered_is_recorded_at_open(bench: Any) -> None:
    servers = {"tiny": bench.tiny()}
    agents = [bench.agent("tiny.echo", name="a"), bench.agent("tiny.add", "tiny.echo", name="b")]
    sink = await bench.open(*agents, servers=servers)
    assert all(isinstance(event, ToolsListed) for event in sink.events)
    offered = {event.agent: [tool["name"] for tool in event.tools] for event in sink.events}
    assert offered == {"a": ["echo"], "b": ["add", "echo"]}
    _, body = await bench.post("tools/list", name="b")
    assert body["result"]["tools"] == list(sink.events[1].tools)


async def test_a_tool_that_the_agent_is_not_given_is_neither_listed_nor_callable(
    bench: Any,
) -> None:
    sink = await opened(bench, "tiny.echo")
    _, body = await bench.post("tools/list")
    assert [tool["name"] for tool in body["result"]["tools"]] == ["echo"]
    for name in ("secret", "nonsense"):
        result = await bench.call(name, {"x": 1})
        assert result["isError"]
        assert "Its tools: echo" in bench.text(result)
    assert [(c.error_kind, c.server) for c in calls(sink)] == [
        ("not_allowed", "tiny"), ("not_allowed", "")
    ]


async def test_tools_of_one_name_are_told_apart_by_their_server(bench: Any) -> None:
    servers = {"one": bench.tiny(), "two": bench.tiny()}
    sink = await bench.open(bench.agent("one.echo", "two.echo", "two.add"), servers=servers)
    _, body = await bench.post("tools/list")
    names = [tool["name"] for tool in body["result"]["tools"]]
    assert names == ["one__echo", "two__echo", "add"]
    await bench.call("two__echo")
    assert [(c.server, c.tool) for c in calls(sink)] == [("two", "echo")]


@pytest.mark.parametrize(("token", "status"), [
    ("", 401), ("wrong", 401), ("token-of-t2", 403), ("token-of-t1", 200), ("tökèn", 401),
])
async def test_a_token_opens_its_own_trial_alone(bench: Any, token: str, status: int) -> None:
    sink = await opened(bench)
    await opened(bench, trial="t2")
    answered, body = await bench.post("tools/call", {"name": "echo"}, token=token)
    assert answered == status
    assert len(calls(sink)) == (status == 200)
    assert "token-of" not in json.dumps(body)


async def test_a_call_beyond_the_limit_is_refused_and_ends_the_trial(bench: Any) -> None:
    sink = await opened(bench, limits=Limits(max_tool_calls=1))
    assert not (await bench.call("echo"))["isError"]
    assert sink.stop is None
    refused = await bench.call("echo")
    assert refused["isError"]
    assert "1 tool calls" in bench.text(refused)
    reason = "a tool call beyond max_tool_calls (1) was refused"
    assert sink.stop == (Outcome.LIMIT, reason)
    assert calls(sink)[1].error_kind == "limit"


async def test_errors_are_told_apart_and_reach_the_model(bench: Any) -> None:
    sink = await opened(bench)
    said = await bench.call("fail", {})
    wrong = await bench.call("add", {"a": "x"})
    assert said == {"content": [{"type": "text", "text": "the tool says no"}], "isError": True}
    assert bench.text(wrong) == "a and b must be integers"
    assert [c.error_kind for c in calls(sink)] == ["tool_error", "invalid_arguments"]
    assert calls(sink)[0].result_text == "the tool says no"


async def test_after_close_every_call_is_refused(bench: Any) -> None:
    sink = await opened(bench)
    await bench.gateway.close("t1")
    status, body = await bench.post("tools/call", {"name": "echo"})
    assert status == 404
    assert body["error"]["message"] == "this trial is over"
    assert calls(sink) == []
    assert await bench.gateway.close("t1") == {}


@pytest.mark.parametrize(("body", "status", "code"), [
    ("{nonsense", 400, -32700), ('{"a": NaN}', 400, -32700), ('{"a": 1e999}', 400, -32700),
    ("[]", 400, -32600),
    ('{"jsonrpc":"2.0","id":1}', 400, -32600),
    ('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}', 200, -32602),
    ('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}', 200, -32602),
    ('{"jsonrpc":"2.0","id":1,"method":"tools/call",'
     '"params":{"name":"echo","arguments":{"x":"\\ud800"}}}', 200, -32602),
    ('{"jsonrpc":"2.0","id":1,"method":"prompts/list"}', 200, -32601),
])
async def test_a_bad_message_gets_a_json_rpc_error(
    bench: Any, body: str, status: int, code: int
) -> None:
    await opened(bench)
    answered, reply = await bench.post("", body=body)
    assert (answered, reply["error"]["code"]) == (status, code)


async def test_an_unknown_protocol_version_is_refused_with_those_that_are_known(
    bench: Any,
) -> None:
    await opened(bench)
    status, body = await bench.post("tools/list", version="2031-01-01")
    assert status == 400
    assert body["error"]["data"]["supported"] == [*HANDSHAKE_VERSIONS, MODERN_VERSION]


async def test_no_session_is_handed_out_and_no_event_stream_is_opened(bench: Any) -> None:
    await opened(bench)
    address = f"{bench.address}/mcp/t1/worker"
    headers = {"authorization": "Bearer token-of-t1"}
    hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize",
             "params": {"protocolVersion": "2025-06-18"}}
    async with bench.http.post(address, json=hello, headers=headers) as response:
        assert "mcp-session-id" not in response.headers
        assert (await response.json())["result"]["protocolVersion"] == "2025-06-18"
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    async with bench.http.post(address, json=note, headers=headers) as response:
        assert response.status == 202
    async with bench.http.get(address, headers=headers) as response:
        assert response.status == 405
    async with bench.http.delete(address, headers=headers) as response:
        assert response.status == 200


async def test_a_client_that_hangs_up_cancels_the_call_at_the_server(bench: Any) -> None:
    sink = await opened(bench)
    call = await bench.blocked(sink)
    call.cancel()
    async with asyncio.timeout(30):
        await sink.recorded.wait()
    (recorded,) = (call for call in calls(sink) if call.tool == "block")
    assert (recorded.is_error, recorded.result_text) == (False, "")
    assert bench.text(await bench.call("cancelled")) == "1"


async def test_a_cancelled_notification_cancels_the_call_of_that_id(bench: Any) -> None:
    sink = await opened(bench)
    call = await bench.blocked(sink, ident=77)
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 77}}
    assert (await bench.post("", body=json.dumps(note)))[0] == 202
    status, body = await call
    assert (status, body["error"]["message"]) == (404, "the call was cancelled")
    assert bench.text(await bench.call("cancelled")) == "1"


async def test_close_ends_the_calls_in_flight_and_records_them(bench: Any) -> None:
    sink = await opened(bench)
    call = await bench.blocked(sink)
    await bench.gateway.close("t1")
    assert (await call)[0] == 404
    assert [c.tool for c in calls(sink)] == ["echo", "block"]
