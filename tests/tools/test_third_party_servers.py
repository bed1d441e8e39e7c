"""Servers that we did not write, declared as their own documentation says."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from agentdyno.core.event import ToolCall
from agentdyno.core.spec import ToolServer


async def test_the_reference_time_server_works_unchanged(bench: Any) -> None:
    servers = {"time": ToolServer(command="${python}", args=("-m", "mcp_server_time"))}
    sink = await bench.open(bench.agent("time.convert_time"), servers=servers)
    result = await bench.call("convert_time", {
        "source_timezone": "Europe/Oslo", "time": "12:00", "target_timezone": "Asia/Tokyo",
    })
    assert json.loads(bench.text(result))["target"]["timezone"] == "Asia/Tokyo"
    assert (await bench.call("convert_time", {"time": 12}))["isError"]
    kinds = [event.error_kind for event in sink.events if isinstance(event, ToolCall)]
    assert kinds == [None, "invalid_arguments"]


async def test_a_server_over_http_works(bench: Any, serving: Any) -> None:
    remote = MCPServer("remote")

    @remote.tool()
    def shout(text: str) -> str:
        return text.upper()

    app = remote.streamable_http_app(stateless_http=True, json_response=True)
    async with remote.session_manager.run(), serving(app) as address:
        servers = {"remote": ToolServer(url=f"{address}/mcp", headers={"x-key": "k"})}
        await bench.open(bench.agent("remote.shout"), servers=servers)
        assert bench.text(await bench.call("shout", {"text": "grüße"})) == "GRÜSSE"
        await bench.gateway.close("t1")


def _everything() -> ToolServer:
    """Declare server-everything through npx, or skip with the reason why it cannot run."""
    if shutil.which("npx") is None:
        pytest.skip("npx is not installed")
    package = "@modelcontextprotocol/server-everything"
    cache = Path.home() / ".cache" / "agentdyno" / "npm"
    env = {"NPM_CONFIG_CACHE": str(cache), "NPM_CONFIG_UPDATE_NOTIFIER": "false"}
    try:
        # Answers from the cache alone when it is there, so that only the first run needs a network.
        probe = subprocess.run(
            ["npx", "-y", "--prefer-offline", package, "no-such-transport"], timeout=120,
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": str(Path.home()), **env},
        )
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry does not answer")
    if "npm error" in probe.stderr or "npm ERR" in probe.stderr:
        pytest.skip(f"npx cannot fetch {package}: {probe.stderr.splitlines()[0]}")
    return ToolServer(command="npx", args=("-y", "--prefer-offline", package), env=env)


async def test_the_node_reference_server_works_unchanged(bench: Any) -> None:
    servers = {"everything": _everything()}
    await bench.open(bench.agent("everything.echo"), servers=servers)
    result = await bench.call("echo", {"message": "hello"})
    assert bench.text(result) == "Echo: hello"
