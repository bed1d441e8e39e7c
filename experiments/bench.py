"""The bench: one asyncio HTTP server on a loopback port that carries both gateways."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import uvicorn

from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Endpoint
from agentdyno.models.gateway import ModelGateway
from agentdyno.tools.gateway import ToolGateway

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class Server(uvicorn.Server):
    """A server inside somebody else's event loop: Ctrl-C belongs to the run, not to uvicorn."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Both gateways and the address that they are reached at."""

    models: ModelGateway
    tools: ToolGateway
    address: str
    """http://127.0.0.1:PORT"""

    def endpoint(self, trial_id: str, agent: AgentSpec) -> Endpoint:
        """Return the two addresses that a framework is given for `agent`."""
        has_tools = bool(agent.tools) or agent.memory != "none" or agent.report_missing_tools
        return Endpoint(
            model_base_url=f"{self.address}/t/{trial_id}/{agent.name}/v1",
            mcp_url=f"{self.address}/mcp/{trial_id}/{agent.name}" if has_tools else None,
        )


def _application(models: ModelGateway, tools: ToolGateway) -> Callable[..., Awaitable[None]]:
    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        gateway = tools if scope["path"].startswith("/mcp/") else models
        await gateway(scope, receive, send)

    return dispatch


@contextlib.asynccontextmanager
async def open_bench(models: ModelGateway, tools: ToolGateway) -> AsyncIterator[Bench]:
    """Serve both gateways on a free loopback port for the duration of the context."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    port = listener.getsockname()[1]
    config = uvicorn.Config(
        _application(models, tools), http="httptools", lifespan="off", log_config=None,
        access_log=False, server_header=False, date_header=False, proxy_headers=False, ws="none",
        timeout_keep_alive=600, timeout_graceful_shutdown=1,
    )
    server = Server(config)
    await tools.start()
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="bench")
    try:
        await server.listening.wait()
        yield Bench(models=models, tools=tools, address=f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        await serving
        await tools.stop()
        listener.close()
