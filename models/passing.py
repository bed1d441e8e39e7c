"""Passes a provider's answer on, byte for byte, and notes what it says on its way.

What ends an answer is sent last and recorded before: a framework that has read the end may close
its connection, or end the trial, before we run again.
"""

from agentdyno.core.trial import Outcome
from agentdyno.models.bpe import warm_up
from agentdyno.models.exchange import Exchange, Refusal, Send, error_event, send_whole
from agentdyno.models.readout import Readout, readout_of
from agentdyno.models.tokens import aside
from agentdyno.models.upstream import Passage, UpstreamError

MAX_STREAM = 16 * 1024 * 1024
"""Bytes after which a stream is taken for one that never ends."""
MAX_WHOLE = 256 * 1024 * 1024
"""Bytes of the largest answer that is no stream; 2,048 vectors as JSON take 130 MB."""

_NO_END = "the provider's stream ended without a finish reason"


async def pass_on(exchange: Exchange, passage: Passage, send: Send) -> None:
    """Send `passage` as it arrives; the exchange then holds what was seen of it.

    Raises:
        UpstreamError: it broke off before anything was sent.
    """
    exchange.source = passage.source
    exchange.provider = passage.provider
    exchange.provider_model = exchange.asked_model = passage.model
    exchange.times = passage.recorded
    exchange.readout = readout = readout_of(exchange.api)
    try:
        if passage.media_type.startswith(b"text/event-stream") and exchange.api != "embeddings":
            await _Stream(exchange, passage, readout, send).run()
        else:
            await _whole(exchange, passage, readout, send)
    finally:
        close = getattr(passage.chunks, "aclose", None)
        if close is not None:
            await close()


async def _whole(exchange: Exchange, passage: Passage, readout: Readout, send: Send) -> None:
    parts, size = [], 0
    try:
        async for chunk in passage.chunks:
            parts.append(chunk)
            size += len(chunk)
            if size > MAX_WHOLE:
                raise _too_long(MAX_WHOLE)
    except UpstreamError as error:
        if exchange.trial.retries == "uniform" or not parts:
            raise
        exchange.sent += parts
        await _start(exchange, passage, send)
        await send({"type": "http.response.body", "body": b"".join(parts), "more_body": True})
        _cut(exchange, error)
        return
    body = b"".join(parts)
    readout.whole(body)
    exchange.content(readout.texts)
    exchange.sent.append(body)
    await _count(exchange, readout)
    exchange.record(200, readout.error)
    await send_whole(send, 200, body, passage.media_type, more=passage.headers)


class _Stream:
    """A stream under way."""

    def __init__(
        self, exchange: Exchange, passage: Passage, readout: Readout, send: Send
    ) -> None:
        self._exchange = exchange
        self._passage = passage
        self._readout = readout
        self._send = send
        self._uniform = exchange.trial.retries == "uniform"

    async def run(self) -> None:
        """Pass on all events that are whole, then what the stream ended with."""
        exchange, readout = self._exchange, self._readout
        if exchange.api == "chat" and not _asks_for_usage(exchange):
            warm_up()
        try:
            await self._events()
        except UpstreamError as error:
            if not exchange.recorded:
                await self._broken(error)
                return
        if not exchange.recorded:
            exchange.truncated = readout.finish_reason is None and readout.error is None
            if exchange.truncated and self._uniform:
                await self._broken(UpstreamError(502, _NO_END))
                return
            exchange.sent.append(readout.tail)
            await self._record()
        await self._start()
        await self._send({"type": "http.response.body", "body": readout.tail})

    async def _events(self) -> None:
        exchange, readout = self._exchange, self._readout
        size = 0
        async for chunk in self._passage.chunks:
            size += len(chunk)
            if size > MAX_STREAM:
                raise _too_long(MAX_STREAM)
            contents, texts = readout.contents, len(readout.texts)
            events = readout.feed(chunk)
            if readout.contents != contents:
                exchange.content(readout.texts[texts:])
            if not events:
                continue
            ends = readout.ended and not exchange.recorded
            if ends:
                exchange.truncated = readout.finish_reason is None and readout.error is None
                if exchange.truncated and self._uniform:
                    raise UpstreamError(502, _NO_END)
            exchange.sent.append(events)
            if ends:
                await self._record()
            await self._start()
            await self._send({"type": "http.response.body", "body": events, "more_body": True})

    async def _start(self) -> None:
        if not self._exchange.sending:
            await _start(self._exchange, self._passage, self._send)

    async def _record(self) -> None:
        await _count(self._exchange, self._readout)
        self._exchange.record(200, self._readout.error)

    async def _broken(self, error: UpstreamError) -> None:
        """End a stream that has no end: as an error, or cut off as it was."""
        exchange = self._exchange
        exchange.truncated = self._readout.finish_reason is None
        if not (self._uniform or error.ends_trial):
            await self._start()
            if self._readout.tail:
                exchange.sent.append(self._readout.tail)
                await self._send({"type": "http.response.body", "body": self._readout.tail,
                                  "more_body": True})
            await _count(exchange, self._readout)
            _cut(exchange, error)
            return
        if not exchange.sending:
            raise error
        if error.ends_trial:
            exchange.trial.sink.end(Outcome.HARNESS_FAULT, error.message)
        refusal = Refusal(error.status, error.message, code="stream_broken")
        event = error_event(exchange.api, refusal)
        exchange.sent.append(event)
        await _count(exchange, self._readout)
        exchange.record(error.status, error.message)
        await self._send({"type": "http.response.body", "body": event})


async def _start(exchange: Exchange, passage: Passage, send: Send) -> None:
    headers = [(b"content-type", passage.media_type), *passage.headers]
    exchange.sending = True
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _count(exchange: Exchange, readout: Readout) -> None:
    """Count the tokens here when nobody who bills tells them."""
    if exchange.counted_here and readout.error is None:
        exchange.tokens = await aside(len(exchange.request), exchange.count)


def _cut(exchange: Exchange, error: UpstreamError) -> None:
    """Leave the response without its end; its connection is dropped after that."""
    exchange.cut = True
    exchange.record(200, f"the connection broke off: {error.message}")


def _asks_for_usage(exchange: Exchange) -> bool:
    options = exchange.asked.json.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def _too_long(most: int) -> UpstreamError:
    return UpstreamError(
        502, f"the provider's answer was stopped: it had no end after {most // 2**20} MiB")
