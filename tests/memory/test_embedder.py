"""Embeddings from an OpenAI-compatible endpoint, over a real loopback socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from agentdyno.core.errors import HarnessFault
from agentdyno.memory.endpoint import EndpointEmbedder

Answer = Callable[[dict[str, Any]], tuple[int, Any]]


class Endpoint:
    """Answers each request by calling `answer` with its JSON body."""

    def __init__(self) -> None:
        self.answer: Answer = _lengths
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.base_url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(head.partition("content-length: ")[2].split()[0])
        body = json.loads(await reader.readexactly(size))
        self.requests.append((head, body))
        status, value = self.answer(body)
        payload = json.dumps(value).encode()
        writer.write(
            f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\n"
            f"content-length: {len(payload)}\r\n\r\n".encode() + payload
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()


def _lengths(body: dict[str, Any]) -> tuple[int, Any]:
    rows = [{"index": n, "embedding": [len(t), 1]} for n, t in enumerate(body["input"])]
    return 200, {"data": rows[::-1]}


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()
    async with await asyncio.start_server(endpoint.serve, "127.0.0.1", 0) as server:
        endpoint.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        yield endpoint


@pytest.fixture
async def embedder(endpoint: Endpoint) -> AsyncIterator[EndpointEmbedder]:
    embedder = EndpointEmbedder(endpoint.base_url + "/", "small", api_key="secret-key")
    yield embedder
    await embedder.close()


async def test_vectors_come_in_the_order_of_the_texts_and_in_batches(
    endpoint: Endpoint, embedder: EndpointEmbedder
) -> None:
    vectors = await embedder.embed(["x" * n for n in range(1, 131)])
    assert vectors == [[float(n), 1.0] for n in range(1, 131)]
    assert [len(body["input"]) for _, body in endpoint.requests] == [128, 2]
    head, body = endpoint.requests[0]
    assert head.startswith("post /v1/embeddings ")
    assert "authorization: bearer secret-key" in head
    assert body["model"] == "small"
    assert embedder.id == f"small at {endpoint.base_url}"


@pytest.mark.parametrize(("answer", "reason"), [
    (lambda body: (500, {"error": "full"}), "status 500"),
    (lambda body: (200, {"data": "no"}), "has no data"),
    (lambda body: (200, {"data": [{"index": 0, "embedding": [1]}]}), "1 vectors"),
])
async def test_a_wrong_answer_is_the_benches_fault_and_hides_the_key(
    answer: Answer, reason: str, endpoint: Endpoint, embedder: EndpointEmbedder
) -> None:
    endpoint.answer = answer
    with pytest.raises(HarnessFault, match=reason) as caught:
        await embedder.embed(["a", "b"])
    assert "secret-key" not in str(caught.value)


async def test_an_endpoint_that_is_not_there_is_named() -> None:
    embedder = EndpointEmbedder("http://127.0.0.1:1/v1", "small")
    with pytest.raises(HarnessFault, match=r"127\.0\.0\.1:1"):
        await embedder.embed(["a"])
    await embedder.close()
