"""Providers without an OpenAI-compatible endpoint, through the library any-llm (an extra).

Why any-llm and not the LiteLLM SDK: it hands each call to the provider's own official client, so
fewer packages come along (LiteLLM brings tokenizers and a model hub's client), and it asks nobody
for anything at import, where LiteLLM fetches a price table. Its extra that reports to a platform
is not installed, so nothing is reported.

What passes here is not byte for byte and cannot be; a passage says so in its notes (`translated`).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

import orjson

from agentdyno.models.catalogue import Target
from agentdyno.models.limits import Limiter, Slot
from agentdyno.models.providerfault import ProviderError, broken_off, refusal, unreachable
from agentdyno.models.target import TargetedRequest
from agentdyno.models.upstream import ModelRequest, Passage

_NOT_PASSED = ("model", "store", "metadata")
"""Keys of a chat request that mean something to OpenAI alone."""


class TranslatedUpstream:
    """Asks the target of each request through any-llm; one client per target."""

    def __init__(self, *, limiters: Mapping[str, Limiter]) -> None:
        """Use `limiters`, by `Target.pool`."""
        self._limiters = limiters
        self._clients: dict[str, Any] = {}
        self._making = asyncio.Lock()

    async def answer(self, request: ModelRequest) -> Passage:
        """Ask once; returns when the first piece is there, or all where none stream.

        Raises:
            ProviderError: the provider refused, is down, or the request cannot be translated.
            TypeError: the request does not say whom to ask.
        """
        if not isinstance(request, TargetedRequest):
            raise TypeError("a live model is asked by a TargetedRequest")
        target = request.target
        slot = await self._limiters[target.pool].enter()
        try:
            answered = await self._ask(request)
            if not hasattr(answered, "__aiter__"):
                slot.leave()
                return _passage(target, _once(_json(answered)), b"application/json")
            stream = _Stream(target, answered, slot, usage=_wants_usage(request))
            await stream.first()
            return _passage(target, stream, b"text/event-stream; charset=utf-8")
        except BaseException:
            slot.leave()
            raise

    async def close(self) -> None:
        """Close the connections of all clients that can be closed."""
        for client in self._clients.values():
            close = getattr(getattr(client, "client", None), "close", None)
            if close is not None and hasattr(answer := close(), "__await__"):
                await answer
        self._clients.clear()

    async def _ask(self, request: TargetedRequest) -> Any:
        target = request.target
        if request.api == "responses":
            raise ProviderError(
                400, f"{target.label}: {target.provider} is translated from chat completions; it "
                "does not answer OpenAI's Responses API",
            )
        body = {k: v for k, v in request.json.items() if k not in _NOT_PASSED}
        try:
            client = await self._client(target)
            if request.api == "embeddings":
                return await client.aembedding(target.model, body.pop("input"), **body)
            return await client.acompletion(target.model, **body)
        except Exception as error:
            raise _fault(target, error) from error

    async def _client(self, target: Target) -> Any:
        async with self._making:
            if target.pool not in self._clients:
                # The imports take seconds, in which the gateway has other calls to answer.
                self._clients[target.pool] = await asyncio.to_thread(_client, target)
        return self._clients[target.pool]


class _Stream(AsyncIterator[bytes]):
    """A stream of the library as server-sent events of OpenAI's shape."""

    def __init__(self, target: Target, chunks: Any, slot: Slot, *, usage: bool) -> None:
        self._target = target
        self._chunks = chunks
        self._pieces = aiter(chunks)
        self._slot = slot
        self._usage = usage
        self._ready: bytes | None = None
        self._done = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._ready is not None:
            piece, self._ready = self._ready, None
            return piece
        if self._done:
            raise StopAsyncIteration
        while True:
            try:
                chunk = await anext(self._pieces)
            except StopAsyncIteration:
                self._done = True
                self._slot.leave()
                return b"data: [DONE]\n\n"
            except Exception as error:
                await self.aclose()
                raise _broken(self._target, error) from error
            # Usage was not asked for, so a provider of OpenAI's protocol would not send it.
            if self._usage or chunk.choices:
                return b"data: %b\n\n" % _json(chunk)

    async def first(self) -> None:
        """Wait for the first piece: until it is there, another attempt is still possible."""
        self._ready = await self.__anext__()

    async def aclose(self) -> None:
        """Hang up, when the answer is not read to its end."""
        self._ready, self._done = None, True
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()
        self._slot.leave()


def _client(target: Target) -> Any:
    from any_llm import AnyLLM

    # The gateway retries, in one way for all.
    return AnyLLM.create(
        target.row.translator or "", api_base=target.base_url,
        api_key=target.key.get_secret_value() if target.key else None,
        max_retries=0, unified_exceptions=True,
    )


def _passage(target: Target, chunks: AsyncIterator[bytes], media_type: bytes) -> Passage:
    return Passage(
        chunks=chunks, media_type=media_type, provider=target.provider, model=target.model,
        notes={"translated": target.row.translator},
    )


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _json(answered: Any) -> bytes:
    return orjson.dumps(answered.model_dump(mode="json", exclude_none=True))


def _wants_usage(request: ModelRequest) -> bool:
    options = request.json.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def _fault(target: Target, error: Exception) -> ProviderError:
    """Return what an error of the library, or of the provider's client below it, means."""
    if isinstance(error, ProviderError):
        return error
    cause = getattr(error, "original_exception", None) or error
    status = getattr(error, "status_code", None) or getattr(cause, "status_code", None)
    response = getattr(cause, "response", None)
    if isinstance(status, int):
        headers = {k.lower(): v for k, v in getattr(response, "headers", {}).items()}
        return refusal(target, status, headers, _words(cause).encode())
    if type(cause).__name__ == "ClientError" and isinstance(response, dict):  # boto3's
        status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 502))
        return refusal(target, status, {}, _words(cause).encode())
    if "Connect" in type(cause).__name__:
        return unreachable(target, _words(cause))
    return ProviderError(
        400, f"{target.label}: the request cannot be translated for {target.provider}: "
        f"{target.scrubbed(_words(cause))}",
    )


def _broken(target: Target, error: Exception) -> ProviderError:
    found = _fault(target, error)
    return found if found.status != 400 else broken_off(target, _words(error))


def _words(error: BaseException) -> str:
    body = getattr(error, "body", None)
    return orjson.dumps(body).decode() if isinstance(body, dict) else str(error)
