"""A tool gateway on a real loopback port, and the ways to speak to it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import pytest
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec, Limits, ToolServer
from agentdyno.tools.gateway import ToolGateway

TINY = Path(__file__).with_name("tiny_server.py")


class WatchedSink(Sink):
    """A sink that a test can wait on."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self.called, self.recorded = asyncio.Event(), asyncio.Event()

    def ordinal(self, channel: Any, agent: str) -> int:
        self.called.set()
        return super().ordinal(channel, agent)

    def record(self, event: Any) -> None:
        super().record(event)
        if event.kind == "tool_call" and event.tool == "block":
            self.recorded.set()


class Bench:
    """A running gateway."""

    @staticmethod
    def tiny(*args: str, **more: Any) -> ToolServer:
        return ToolServer(command="${python}", args=(str(TINY), *args), **more)

    @staticmethod
    def agent(*tools: str, name: str = "worker", **more: Any) -> AgentSpec:
        return AgentSpec(name=name, role="r", goal="g", instructions="i", tools=tools, **more)

    @staticmethod
    def text(result: dict[str, Any]) -> str:
        return "\n".join(block["text"] for block in result["content"])

    def __init__(self, gateway: ToolGateway, address: str, folder: Path) -> None:
        self.gateway, self.address, self.folder = gateway, address, folder
        self.http = aiohttp.ClientSession()

    async def open(
        self, *agents: AgentSpec, servers: Mapping[str, ToolServer], trial: str = "t1",
        limits: Limits | None = None,
    ) -> WatchedSink:
        sink = WatchedSink(trial_id=trial, token=f"token-of-{trial}", limits=limits or Limits())
        await self.gateway.open(sink, agents, servers, self.folder)
        return sink

    async def post(
        self, method: str, params: Any = None, *, trial: str = "t1", token: str | None = None,
        name: str = "worker", version: str = "2025-11-25", body: Any = None, ident: Any = 1,
    ) -> tuple[int, Any]:
        message = body if body is not None else json.dumps(
            {"jsonrpc": "2.0", "id": ident, "method": method, "params": params or {}}
        )
        headers = {"mcp-protocol-version": version, "content-type": "application/json"}
        if token != "":
            headers["authorization"] = f"Bearer {token or f'token-of-{trial}'}"
        async with self.http.post(
            f"{self.address}/mcp/{trial}/{name}", data=message, headers=headers
        ) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None

    async def call(self, tool: str, arguments: Any = None, **more: Any) -> dict[str, Any]:
        status, body = await self.post("tools/call", {"name": tool, "arguments": arguments}, **more)
        assert status == 200, body
        result: dict[str, Any] = body["result"]
        return result

    async def blocked(self, sink: WatchedSink, ident: int = 1) -> asyncio.Task[Any]:
        """Return a call that the tiny server has received and will never answer."""
        call = asyncio.create_task(self.post("tools/call", {"name": "block"}, ident=ident))
        await sink.called.wait()
        # The server reads in order: its answer to this says that it has read the other.
        await self.call("echo", ident=0)
        return call

    @asynccontextmanager
    async def client(
        self, mode: str, trial: str = "t1", name: str = "worker"
    ) -> AsyncIterator[Client]:
        headers = {"authorization": f"Bearer token-of-{trial}"}
        async with httpx2.AsyncClient(headers=headers) as http:
            address = f"{self.address}/mcp/{trial}/{name}"
            transport = streamable_http_client(address, http_client=http)
            async with Client(transport, mode=mode) as client:
                yield client


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    gateway = ToolGateway()
    async with serving_app(gateway) as address:
        bench = Bench(gateway, address, tmp_path)
        yield bench
        await bench.http.close()
        await gateway.stop()


@pytest.fixture(name="serving")
def serving_fixture() -> Any:
    return serving_app


@asynccontextmanager
async def serving_app(app: Any) -> AsyncIterator[str]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, http="httptools", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    # Connections are accepted from bind and listen on; the kernel queues them until then.
    listener.listen()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()
