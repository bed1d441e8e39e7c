"""The few pieces of ASGI that the gateway needs: read a body, send one, notice a hang-up."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY = 16 * 1024 * 1024
_WATCH_AFTER_S = 0.02
"""Seconds after which a call is worth a second task that notices the client hanging up."""


class HungUp(Exception):
    """The client went away; nobody reads the answer."""


async def watched(task: asyncio.Task[dict[str, Any]], receive: Receive) -> dict[str, Any]:
    """Return the result of `task`; cancel it when the client hangs up or this is cancelled."""
    try:
        await asyncio.wait((task,), timeout=_WATCH_AFTER_S)
        if not task.done():
            await _race(task, asyncio.create_task(_hang_up(receive)))
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait((task,))
        raise
    return task.result()


async def _race(task: asyncio.Task[dict[str, Any]], hang_up: asyncio.Task[None]) -> None:
    try:
        await asyncio.wait((task, hang_up), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))
            raise HungUp
    finally:
        hang_up.cancel()


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def read(receive: Receive) -> bytes | None:
    """Return the request body, or None when it is too large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HungUp
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            return None
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def send_body(
    send: Send, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    """Send a whole response; JSON when there is a body."""
    length = (b"content-length", b"%d" % len(body))
    kind = ((b"content-type", b"application/json"),) if body else ()
    start = {"type": "http.response.start", "status": status, "headers": [length, *kind, *headers]}
    await send(start)
    await send({"type": "http.response.body", "body": body})
