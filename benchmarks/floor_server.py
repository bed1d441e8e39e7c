"""The floor: a hand-written asyncio + httptools server that plays the scripted model.

It asks for `add(2, 3)` when a request offers tools and shows no tool result yet, and answers with
text otherwise. It keeps nothing and checks nothing, so it is the least that a Python server costs.
A request for a stream gets `max_tokens` tokens, `seed` milliseconds apart.
With the port of such a server as its argument it is the least that a gateway costs instead: it
takes a request, sends it on over a connection kept alive, and passes the answer back.
Prints its port on stdout and serves until stdin closes.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import httptools
import orjson
import uvloop


def _completion(message: dict[str, Any], finish: str) -> bytes:
    return orjson.dumps({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": "default",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 50, "completion_tokens": 10, "total_tokens": 60},
    })


CALL = _completion({
    "role": "assistant", "content": None,
    "tool_calls": [{
        "id": "call_1", "type": "function",
        "function": {"name": "add", "arguments": '{"a": 2, "b": 3}'},
    }],
}, "tool_calls")
TEXT = _completion({"role": "assistant", "content": "The sum is 5."}, "stop")


def _http(first_line: bytes, body: bytes) -> bytes:
    head = b"%b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % (first_line, len(body)) + body


def _response(body: bytes) -> bytes:
    return _http(b"HTTP/1.1 200 OK", body)


CALL_RESPONSE, TEXT_RESPONSE = _response(CALL), _response(TEXT)


class Connection(asyncio.Protocol):
    """One keep-alive connection; calls `on_message` with each body that arrives."""

    on_message: Callable[[bytes], None]
    new_parser: Callable[[Any], Any] = httptools.HttpRequestParser

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.parser = type(self).new_parser(self)
        self.body = bytearray()

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        body = bytes(self.body)
        self.body.clear()
        self.on_message(body)


def _chunk(event: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(event), event)


def _piece(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choices = [] if more else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return _chunk(b"data: %b\n\n" % orjson.dumps({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": "default",
        "system_fingerprint": "fp_0", "choices": choices, **more,
    }))


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
OPENING, TOKEN = _piece({"role": "assistant", "content": ""}), _piece({"content": " token"})
USAGE = {"prompt_tokens": 50, "completion_tokens": 10, "total_tokens": 60}
ENDING = (
    _piece({}, "stop") + _piece({}, usage=USAGE) + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"
)


class Model(Connection):
    """Answers from memory."""

    streaming: asyncio.Task[None]

    async def stream(self, tokens: int, between_s: float) -> None:
        """Send each token by itself."""
        self.transport.write(STREAM + OPENING)
        for _ in range(tokens):
            await asyncio.sleep(between_s)
            if self.transport.is_closing():
                return
            self.transport.write(TOKEN)
        self.transport.write(ENDING)

    def on_message(self, body: bytes) -> None:
        request = orjson.loads(body) if body else {}
        if request.get("stream"):
            stream = self.stream(request["max_tokens"], request["seed"] / 1000)
            self.streaming = asyncio.create_task(stream)
            return
        seen = any(message["role"] == "tool" for message in request.get("messages", ()))
        wants_tool = request.get("tools") and not seen
        self.transport.write(CALL_RESPONSE if wants_tool else TEXT_RESPONSE)


class Upstream(Connection):
    """The client side of a gateway."""

    new_parser = httptools.HttpResponseParser


class Gateway(Connection):
    """Passes each request on to a connection of its own, and the answer back."""

    def __init__(self, port: int) -> None:
        self.port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.upstream = Upstream()
        self.upstream.on_message = lambda body: self.transport.write(_response(body))
        connect = asyncio.get_running_loop().create_connection
        self.connecting = asyncio.create_task(
            connect(lambda: self.upstream, "127.0.0.1", self.port))

    def on_message(self, body: bytes) -> None:
        request = _http(b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1", body)
        if self.connecting.done():
            self.upstream.transport.write(request)
        else:
            self.connecting.add_done_callback(lambda _: self.upstream.transport.write(request))

    def connection_lost(self, error: Exception | None) -> None:
        self.connecting.add_done_callback(lambda _: self.upstream.transport.close())


async def main(upstream_port: int | None) -> None:
    """Serve until stdin closes."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        (lambda: Gateway(upstream_port)) if upstream_port else Model, "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if sys.argv[1:] else None))
