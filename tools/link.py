"""One live connection to one MCP server, and what its last words were."""

import asyncio
import contextlib
from typing import Any, Protocol

_TAIL_BYTES = 8192


class LinkLost(Exception):
    """The connection ended, so the request will never be answered."""


class Link(Protocol):
    """A connection on which the MCP handshake is done."""

    has_resources: bool
    """Whether the server offers resources."""

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Return the result as it came; cancelling tells the server to stop.

        Raises:
            LinkLost: the server went away.
            RpcError: the server answered with an error.
        """
        ...

    async def forget(self, trial: str) -> None:
        """Tell a server of ours that `trial` is over."""
        ...

    async def close(self) -> None:
        """End the connection and whatever process serves it."""
        ...


class StderrTail:
    """Reads a server's standard error to its end and keeps the last 8 KiB."""

    def __init__(self) -> None:
        self._bytes = b""
        self._task: asyncio.Task[None] | None = None

    def follow(self, stream: asyncio.StreamReader) -> None:
        """Read `stream`, the standard error of a server that was just started."""
        self._task = asyncio.create_task(self._pump(stream))

    async def _pump(self, stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(_TAIL_BYTES):
            self._bytes = (self._bytes + chunk)[-_TAIL_BYTES:]

    async def drained(self) -> None:
        """Wait until a server that has ended, or is about to, has said its last words."""
        if self._task:
            await asyncio.wait((self._task,), timeout=1.0)

    def last_lines(self, count: int = 8) -> str:
        """Return the last lines."""
        return "\n".join(self._bytes.decode(errors="replace").splitlines()[-count:])

    async def close(self) -> None:
        """Stop reading."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
