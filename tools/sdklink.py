"""The connection to anybody else's MCP server, through the official client SDK."""

import asyncio
import logging
import os
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import mcp_types as types
from mcp import MCPError
from mcp.client.session import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from pydantic import TypeAdapter, ValidationError

from agentdyno.tools.jsonrpc import RpcError
from agentdyno.tools.launch import Launch
from agentdyno.tools.link import LinkLost, StderrTail
from agentdyno.tools.protocol import CLIENT_INFO

_RESULT: Any = TypeAdapter(dict[str, Any])
_REQUESTS: dict[str, Any] = {
    "tools/list": types.ListToolsRequest,
    "tools/call": types.CallToolRequest,
    "resources/list": types.ListResourcesRequest,
    "resources/read": types.ReadResourceRequest,
}

# Without a handler of its own Python prints the SDK's log to the terminal, into the progress bars.
logging.getLogger("mcp").addHandler(logging.NullHandler())


class SdkLink:
    """A Link over stdio or streamable HTTP.

    The SDK's context managers must be left in the task that entered them, so one task owns them.
    """

    def __init__(self, launch: Launch, stderr: StderrTail) -> None:
        self._launch, self._stderr = launch, stderr
        self._stop = asyncio.Event()
        self._ready: asyncio.Future[ClientSession] = asyncio.get_running_loop().create_future()
        self._session: ClientSession | None = None
        self.has_resources = False
        self._stderr_pipe: asyncio.ReadTransport | None = None
        self._owner = asyncio.create_task(self._own())

    @classmethod
    async def open(cls, launch: Launch, stderr: StderrTail) -> "SdkLink":
        """Connect and do the handshake; raises LinkLost, RpcError or OSError."""
        link = cls(launch, stderr)
        try:
            session = await link._ready
        except BaseException:
            await link.close()
            raise
        link._session = session
        capabilities = session.server_capabilities
        link.has_resources = bool(capabilities and capabilities.resources)
        return link

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """See Link."""
        if self._session is None or self._owner.done():
            raise LinkLost("the connection to the server is closed")
        message = _REQUESTS[method].model_validate({"method": method, "params": params})
        try:
            result: dict[str, Any] = await self._session.send_request(message, _RESULT)
        except MCPError as error:
            raise _translated(error) from None
        except ValidationError as error:
            raise RpcError(-32603, f"the server's answer breaks the protocol: {error}") from None
        return result

    async def forget(self, trial: str) -> None:
        """See Link; only our own servers know this."""

    async def close(self) -> None:
        """See Link."""
        self._stop.set()
        await asyncio.wait((self._owner,))
        await self._stderr.drained()
        if self._stderr_pipe:
            self._stderr_pipe.close()
        await self._stderr.close()

    async def _own(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                session = await self._connect(stack)
                self._ready.set_result(session)
                await self._stop.wait()
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(_cause(error))
            if isinstance(error, asyncio.CancelledError):
                raise

    async def _connect(self, stack: AsyncExitStack) -> ClientSession:
        info = types.Implementation.model_validate(CLIENT_INFO)
        reading, writing = await (
            self._http(stack) if self._launch.url else self._stdio(stack)
        )
        session = await stack.enter_async_context(
            ClientSession(reading, writing, client_info=info)
        )
        try:
            await session.initialize()
        except MCPError as error:
            if error.code != types.UNSUPPORTED_PROTOCOL_VERSION:
                raise
            await session.discover()
        return session

    async def _http(self, stack: AsyncExitStack) -> Any:
        client = await stack.enter_async_context(httpx2.AsyncClient(
            headers=dict(self._launch.headers), timeout=httpx2.Timeout(30.0, read=None),
        ))
        return await stack.enter_async_context(
            streamable_http_client(self._launch.url, http_client=client)
        )

    async def _stdio(self, stack: AsyncExitStack) -> Any:
        reading, writing = os.pipe()
        stream = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        self._stderr_pipe, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb")
        )
        self._stderr.follow(stream)
        command, *arguments = self._launch.command
        with os.fdopen(writing, "w") as errlog:
            return await stack.enter_async_context(stdio_client(
                StdioServerParameters(
                    command=command, args=arguments, env=dict(self._launch.env),
                    cwd=self._launch.cwd,
                ),
                errlog=errlog,
            ))


def _translated(error: MCPError) -> Exception:
    if error.code == types.CONNECTION_CLOSED:
        return LinkLost("the server closed the connection")
    return RpcError(error.code, error.message)


def _cause(error: BaseException) -> BaseException:
    """Return what went wrong inside the SDK's task groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, MCPError):
        return _translated(error)
    if isinstance(error, OSError | asyncio.CancelledError):
        return error
    return LinkLost(f"{type(error).__name__}: {error}")
