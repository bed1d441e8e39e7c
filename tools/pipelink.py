"""The connection to our own servers: one line of JSON each way over pipes.

The official client is not used for them: importing it costs 0.5 to 1.8 s of CPU, and both ends are
ours. A call of theirs takes well under a millisecond, so cancelling one is not worth a message.
"""

import asyncio
import contextlib
import os
import signal
from typing import Any

from agentdyno.tools import jsonrpc
from agentdyno.tools.jsonrpc import RpcError
from agentdyno.tools.launch import Launch
from agentdyno.tools.link import LinkLost, StderrTail
from agentdyno.tools.protocol import CLIENT_INFO, HANDSHAKE_VERSIONS
from agentdyno.tools.servers.base import FORGET

_LINE_LIMIT = 64 * 1024 * 1024
_EXIT_GRACE_S = 2.0


class PipeLink:
    """A Link to a child process."""

    def __init__(self, process: asyncio.subprocess.Process, stderr: StderrTail) -> None:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        self._process, self._stdin, self._stdout = process, process.stdin, process.stdout
        self._stderr = stderr
        stderr.follow(process.stderr)
        self.has_resources = False
        self._next = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._lost: str | None = None
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, launch: Launch, stderr: StderrTail) -> "PipeLink":
        """Start the process and do the handshake; raises LinkLost, RpcError or OSError."""
        process = await asyncio.create_subprocess_exec(
            *launch.command, env=dict(launch.env), cwd=launch.cwd, limit=_LINE_LIMIT,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            # A session of its own, so that Ctrl-C reaches the harness alone.
            stderr=asyncio.subprocess.PIPE, start_new_session=True,
        )
        link = cls(process, stderr)
        try:
            greeting = await link.request("initialize", {
                "protocolVersion": HANDSHAKE_VERSIONS[-1], "capabilities": {},
                "clientInfo": CLIENT_INFO,
            })
        except BaseException:
            await link.close()
            raise
        link.has_resources = "resources" in greeting["capabilities"]
        link._stdin.write(jsonrpc.notification("notifications/initialized", {}))
        return link

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """See Link."""
        if self._lost is not None:
            raise LinkLost(self._lost)
        self._next += 1
        ident = self._next
        line = jsonrpc.request(ident, method, params)
        waiter: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[ident] = waiter
        try:
            self._stdin.write(line)
            return await waiter
        finally:
            self._waiting.pop(ident, None)

    async def forget(self, trial: str) -> None:
        """See Link."""
        if self._lost is None:
            self._stdin.write(jsonrpc.notification(FORGET, {"trial": trial}))

    async def close(self) -> None:
        """See Link; the process ends at the end of its input, or else is killed."""
        self._stdin.close()
        try:
            async with asyncio.timeout(_EXIT_GRACE_S):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
        await self._reader
        await self._stderr.drained()
        await self._stderr.close()

    async def _read(self) -> None:
        while line := await self._stdout.readline():
            message = jsonrpc.loads(line)
            waiter = self._waiting.get(message["id"])
            if waiter is None or waiter.done():
                continue
            if "error" in message:
                waiter.set_exception(
                    RpcError(message["error"]["code"], message["error"]["message"])
                )
            else:
                waiter.set_result(message["result"])
        code = await self._process.wait()
        self._lost = f"the server process ended (exit code {code})"
        for waiter in self._waiting.values():
            if not waiter.done():
                waiter.set_exception(LinkLost(self._lost))
