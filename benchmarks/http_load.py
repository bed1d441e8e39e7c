"""A small keep-alive HTTP client, so that the server is what is measured."""

import asyncio
import time
from statistics import quantiles

import httptools


class _Client(asyncio.Protocol):
    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.answer.set_result((self.parser.get_status_code(), bytes(self.body)))
        self.body.clear()
        self.parser = httptools.HttpResponseParser(self)

    async def post(self, request: bytes) -> tuple[int, bytes]:
        """Send one whole request; return status and body."""
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.answer


def request(path: str, body: bytes, token: str = "") -> bytes:
    """Return the bytes of one POST."""
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", "content-type: application/json",
             "accept: application/json, text/event-stream", f"content-length: {len(body)}"]
    if token:
        lines.append(f"authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def connect(port: int) -> _Client:
    """Open one connection."""
    _, client = await asyncio.get_running_loop().create_connection(_Client, "127.0.0.1", port)
    return client


async def load(port: int, message: bytes, calls: int, concurrency: int) -> tuple[float, float]:
    """Send `calls` requests over `concurrency` connections; return p50 and p99 in milliseconds."""
    waiting = iter(range(calls))
    times: list[float] = []

    async def lane() -> None:
        client = await connect(port)
        for _ in waiting:
            started = time.perf_counter()
            status, body = await client.post(message)
            times.append(1000 * (time.perf_counter() - started))
            assert status == 200, body
        client.transport.close()

    await asyncio.gather(*(lane() for _ in range(concurrency)))
    cuts = quantiles(times, n=100)
    return cuts[49], cuts[98]
