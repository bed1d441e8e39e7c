"""Passes a provider's answer on, byte for byte, and reads off what it says on its way."""

from agentdyno.models.exchange import Exchange, Send
from agentdyno.models.upstream import Passage


async def pass_on(exchange: Exchange, passage: Passage, send: Send) -> None:
    """Send `passage` as it arrives; the exchange then holds what was seen of it."""
    exchange.source = passage.source
    exchange.provider = passage.provider
    headers = [(b"content-type", passage.media_type), *passage.headers]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async for chunk in passage.chunks:
        if exchange.first_token_s is None:
            exchange.first_token_s = exchange.trial.sink.now()
        exchange.sent.append(chunk)
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    exchange.record(200)
    await send({"type": "http.response.body", "body": b""})
