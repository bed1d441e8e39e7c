"""The floor: a hand-written asyncio + httptools server that plays the scripted model.

It asks for `add(2, 3)` when a request offers tools and shows no tool result yet, and answers with
text otherwise. It keeps nothing and checks nothing, so it is the least that a Python server costs.
Prints its port on stdout and serves until stdin closes.
"""

import asyncio
import sys
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


def _http(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


CALL_RESPONSE, TEXT_RESPONSE = _http(CALL), _http(TEXT)


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.parser = httptools.HttpRequestParser(self)
        self.body = bytearray()

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        request = orjson.loads(self.body) if self.body else {}
        self.body.clear()
        seen = any(message["role"] == "tool" for message in request.get("messages", ()))
        wants_tool = request.get("tools") and not seen
        self.transport.write(CALL_RESPONSE if wants_tool else TEXT_RESPONSE)


async def main() -> None:
    """Serve until stdin closes."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main())
