"""Asks OpenAI-compatible providers: the request and the answer pass byte for byte.

The only thing that changes on the way is the value of "model", from the alias that the agent
knows to the provider's name for it. Headers are ours: the trial's token stays here, the provider's
key never goes further back than this file.
"""

import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import aiohttp

from agentdyno import __version__
from agentdyno.models.conversation import RequestError
from agentdyno.models.limits import Limiter, Slot
from agentdyno.models.providerfault import broken_off, refusal, silent, unreachable
from agentdyno.models.splice import with_model
from agentdyno.models.target import TargetedRequest
from agentdyno.models.upstream import ModelRequest, Passage, UpstreamError

_PATHS = {"chat": "/chat/completions", "responses": "/responses", "embeddings": "/embeddings"}
_PASSED_HEADERS = ("x-request-id", "openai-", "retry-after", "x-ratelimit-")
_LONG = 256 * 1024
_MAX_ERROR = 64 * 1024
_MAX_WHOLE = 256 * 1024 * 1024


def open_session() -> aiohttp.ClientSession:
    """Return the HTTP client of a run; whoever opens it closes it."""
    return aiohttp.ClientSession(
        # Concurrency is limited per provider, and proxies are chosen per address.
        connector=aiohttp.TCPConnector(limit=0), trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True,
        headers={"User-Agent": f"agentdyno/{__version__}", "Accept-Encoding": "identity"},
    )


@dataclass(frozen=True, kw_only=True)
class HttpUpstream:
    """Asks the target of each request over HTTP."""

    session: aiohttp.ClientSession
    limiters: Mapping[str, Limiter]
    """Limits by `Target.pool`."""
    proxies: Mapping[str, str | None]
    """Proxy by `Target.pool`; null for none."""

    async def answer(self, request: ModelRequest) -> Passage:
        """Ask once; returns when the first bytes are there, or all of them where none stream.

        Raises:
            ProviderError: the provider refused, is down, or sent nothing for too long.
            TypeError: the request does not say whom to ask.
        """
        if not isinstance(request, TargetedRequest):
            raise TypeError("a live model is asked by a TargetedRequest")
        if not isinstance(request.json.get("model"), str):
            raise RequestError("the request names no model", param="model")
        slot = await self.limiters[request.target.pool].enter()
        try:
            return await self._ask(request, slot)
        except BaseException:
            slot.leave()
            raise

    async def _ask(self, request: TargetedRequest, slot: Slot) -> Passage:
        target = request.target
        url = f"{target.base_url}{_PATHS[request.api]}"
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=target.row.connect_timeout_s,
            sock_read=target.row.idle_timeout_s,
        )
        answer = _Answer(request, slot)
        body = with_model(request.body, request.json, target.model)
        try:
            response = await self.session.post(
                # Long ones as a file: aiohttp sends bytes in one go, while nothing else runs.
                url, data=body if len(body) < _LONG else io.BytesIO(body),
                headers=_headers(request), timeout=timeout, allow_redirects=False,
                proxy=self.proxies.get(target.pool),
            )
        except (aiohttp.ClientError, OSError) as error:
            raise answer.fault(error, begun=False) from error
        try:
            answer.response = response
            if response.status != 200:
                raise await answer.refused()
            first = await (answer.whole() if not _streams(response) else answer.first())
        except BaseException:
            response.close()
            raise
        answer.ready = first
        return Passage(
            chunks=answer, media_type=response.headers.get("Content-Type", "").encode(),
            headers=_passed(response.headers), provider=target.provider, model=target.model,
        )


class _Answer(AsyncIterator[bytes]):
    """A response under way: its bytes as they arrive. Holds a place among the provider's calls."""

    def __init__(self, request: TargetedRequest, slot: Slot) -> None:
        self.response: aiohttp.ClientResponse
        self.ready = b""
        self._target = request.target
        self._slot = slot
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self.ready:
            chunk, self.ready = self.ready, b""
            return chunk
        if not self._ended:
            try:
                chunk = await self.response.content.readany()
            except (aiohttp.ClientError, OSError) as error:
                self._close()
                raise self.fault(error, begun=True) from error
            if chunk:
                return chunk
            self._close()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Hang up, when the answer is not read to its end."""
        self.ready = b""
        self._close()

    async def first(self) -> bytes:
        """Return the first bytes: until they are there, another attempt is still possible."""
        try:
            return await self.response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise self.fault(error, begun=True) from error

    async def whole(self) -> bytes:
        """Return the whole body, so that one that breaks off can be asked for again."""
        try:
            parts, size = [], 0
            while part := await self.response.content.readany():
                parts.append(part)
                size += len(part)
                if size > _MAX_WHOLE:
                    raise broken_off(self._target, f"it is longer than {_MAX_WHOLE} bytes")
            self._close()
            return b"".join(parts)
        except (aiohttp.ClientError, OSError) as error:
            raise self.fault(error, begun=True) from error

    async def refused(self) -> UpstreamError:
        """Return what a response of another status than 200 means."""
        try:
            body = await self.response.content.read(_MAX_ERROR)
        except (aiohttp.ClientError, OSError) as error:
            body = str(error).encode()
        headers = {name.lower(): value for name, value in self.response.headers.items()}
        return refusal(self._target, self.response.status, headers, body)

    def fault(self, error: Exception, *, begun: bool) -> UpstreamError:
        """Return what an error of the HTTP client means."""
        row = self._target.row
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return unreachable(self._target, f"no connection within {row.connect_timeout_s:g} s")
        if isinstance(error, TimeoutError):
            return silent(self._target, row.idle_timeout_s)
        reason = str(error) or type(error).__name__
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.InvalidURL):
            return unreachable(self._target, reason)
        return broken_off(self._target, reason, reached=begun)

    def _close(self) -> None:
        if not self._ended:
            self._ended = True
            # Read to its end the connection is in the pool again already; else this hangs up.
            self.response.close()
            self._slot.leave()


def _headers(request: TargetedRequest) -> dict[str, str]:
    target = request.target
    headers = {
        "Content-Type": "application/json",
        "Accept": "text/event-stream" if request.stream else "application/json",
    }
    if target.key is not None:
        headers["Authorization"] = f"Bearer {target.key.get_secret_value()}"
    return headers | {name: value.get_secret_value() for name, value in target.headers.items()}


def _streams(response: aiohttp.ClientResponse) -> bool:
    return response.content_type == "text/event-stream"


def _passed(headers: Mapping[str, Any]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple(
        (name.lower().encode(), value.encode()) for name, value in headers.items()
        if name.lower().startswith(_PASSED_HEADERS)
    )


