"""The server of recorded results: what it answers, in which order, and what it never makes up."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from agentdyno.core.spec import ToolServer
from agentdyno.tools.servers.recorded import RecordedProcess

FIND = {"type": "object", "properties": {"q": {"type": "string"}, "n": {"type": "number"}}}


def answered(
    arguments: dict[str, Any], *texts: str, tool: str = "find", error: bool = False
) -> dict[str, Any]:
    result = {"texts": list(texts), "is_error": error} if texts else None
    return {"turn": 1, "step": 1, "tool": tool, "arguments": arguments, "result": result}


RECORDING = {
    "version": 1, "source": "talk.json", "answers": [],
    "tools": [
        {"name": name, "description": f"{name} it", "inputSchema": FIND, "inferred": True}
        for name in ("find", "book", "idle")
    ],
    "calls": [
        answered({"q": "a", "n": 1}, "first"), answered({"q": "b"}, "other", "block"),
        answered({"n": 1.0, "q": "a"}, "second"), answered({}, tool="book"),
        answered({"q": "{{ x }}"}, "broken", error=True),
    ],
}


class Server:
    """Speaks with the process's own code, one trial at a time."""

    def __init__(self) -> None:
        self.process = RecordedProcess(RECORDING)

    def ask(self, method: str, trial: str = "t", **params: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method,
                   "params": {**params, "_meta": {"agentdyno/trial": trial}}}
        reply = self.process.answer(json.dumps(request).encode())
        assert reply is not None
        return reply.get("result") or reply["error"]

    def call(self, arguments: Any, tool: str = "find", trial: str = "t") -> tuple[bool, str]:
        result = self.ask("tools/call", trial, name=tool, arguments=arguments)
        return result["isError"], " | ".join(block["text"] for block in result["content"])


@pytest.fixture
def server() -> Server:
    return Server()


def test_equal_calls_get_their_results_in_the_order_of_the_recording(server: Server) -> None:
    assert server.call({"q": "a", "n": 1.0}) == (False, "first")
    assert server.call({"q": "b"}) == (False, "other | block")
    assert server.call({"n": 1, "q": "a"}) == (False, "second")
    assert server.call({"q": "a", "n": 1}) == (
        True, "find: the recording has 2 results for these arguments, and all of them were given "
        "already."
    )


def test_each_trial_begins_at_the_start_of_the_recording(server: Server) -> None:
    assert [server.call({"q": "a", "n": 1}, trial=t)[1] for t in ("t1", "t2", "t1")] == [
        "first", "first", "second"
    ]


def test_a_recorded_error_is_an_error_again(server: Server) -> None:
    assert server.call({"q": "{{ x }}"}) == (True, "broken")


@pytest.mark.parametrize(("tool", "arguments", "part"), [
    ("find", {"q": "a", "n": 2},
     'Nearest recorded call: {"q": "a", "n": 1}; \'n\' is 2 here.'),
    ("find", {"n": True, "q": "a"}, "'n' is true here."),
    ("find", {"q": "b", "x": 1}, 'Nearest recorded call: {"q": "b"}; \'x\' is not in it.'),
    ("find", {"n": 1}, "'q' is missing here."),
    ("book", {}, "book: the recording has this call, but no result of it."),
    ("idle", {}, "idle: the recording has no call of this tool, so no result is known."),
], ids=["value", "true is not 1", "more", "less", "no result", "never called"])
def test_what_was_not_recorded_is_an_error_that_says_what_was(
    server: Server, tool: str, arguments: Any, part: str
) -> None:
    is_error, text = server.call(arguments, tool)
    assert is_error
    assert text.endswith(part)


def test_a_tool_that_the_recording_does_not_know_is_a_protocol_error(server: Server) -> None:
    error = server.ask("tools/call", name="fly", arguments={})
    assert error == {
        "code": -32602, "message": "the recording has no tool 'fly'; it has find, book, idle."
    }


def test_the_end_state_holds_what_was_never_asked_for(server: Server) -> None:
    server.call({"q": "a", "n": 1})
    read = server.ask("resources/read", uri="state://trial")
    unused = json.loads(read["contents"][0]["text"])["unused"]
    assert unused == [
        {"tool": "find", "arguments": {"n": 1.0, "q": "a"}},
        {"tool": "find", "arguments": {"q": "b"}}, {"tool": "book", "arguments": {}},
        {"tool": "find", "arguments": {"q": "{{ x }}"}},
    ]


async def test_it_speaks_mcp_to_the_official_client(tmp_path: Path) -> None:
    file = tmp_path / "recorded.json"
    file.write_text(json.dumps(RECORDING))
    args = ["-m", "agentdyno.tools.servers.recorded", str(file)]
    async with Client(stdio_client(StdioServerParameters(command=sys.executable, args=args))) as to:
        listed = (await to.list_tools()).tools
        assert [(tool.name, tool.description) for tool in listed] == [
            ("find", "find it"), ("book", "book it"), ("idle", "idle it")
        ]
        assert (await to.call_tool("find", {"q": "b"})).content[1].text == "block"  # type: ignore[union-attr]
        assert [str(r.uri) for r in (await to.list_resources()).resources] == ["state://trial"]


async def test_a_scenario_names_it_as_a_bundled_server(bench: Any, tmp_path: Path) -> None:
    (tmp_path / "recorded.json").write_text(json.dumps(RECORDING))
    servers = {"recorded": ToolServer(
        bundled="recorded", args=(str(tmp_path / "recorded.json"),)
    )}
    await bench.open(bench.agent("recorded.*"), servers=servers, trial="t1")
    assert bench.text(await bench.call("find", {"q": "a", "n": 1}, trial="t1")) == "first"
    state = await bench.gateway.close("t1")
    assert len(state["recorded"]["unused"]) == 4


@pytest.mark.parametrize(("content", "part"), [
    (None, "cannot be read: No such file"), ("{", "is no recording"),
    ('{"tools": [{}], "calls": []}', "is no recording"), ("[]", "is no recording"),
])
def test_a_file_that_is_no_recording_stops_it_with_a_word(
    tmp_path: Path, content: str | None, part: str
) -> None:
    file = tmp_path / "recorded.json"
    if content is not None:
        file.write_text(content)
    done = subprocess.run(
        [sys.executable, "-m", "agentdyno.tools.servers.recorded", str(file)],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1
    assert part in done.stderr
    assert "Traceback" not in done.stderr
