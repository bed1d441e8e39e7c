"""From a parsed request to the bytes of its answer, at the pace that the upstream asks for."""

import asyncio
from collections.abc import Sequence

from agentdyno.models.chat import chat_frames, render_chat
from agentdyno.models.conversation import Conversation, Reply
from agentdyno.models.cut import cut_connection
from agentdyno.models.embeddings import Embeddings, render_embeddings
from agentdyno.models.exchange import (
    TRIAL_IS_OVER,
    Exchange,
    Receive,
    Refusal,
    Send,
    send_error,
    send_whole,
    unix_now,
)
from agentdyno.models.passing import pass_on
from agentdyno.models.readout import readout_of
from agentdyno.models.responses import render_response, response_frames
from agentdyno.models.tokens import aside, count_call, count_embedding
from agentdyno.models.upstream import Passage
from agentdyno.models.wire import Envelope

_JSON = b"application/json"
_EVENTS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]


async def answer(exchange: Exchange, receive: Receive, send: Send) -> None:
    """Have the trial's upstream answer a request, and send what comes."""
    request = exchange.asked
    with exchange.begin(receive) as flight:
        answered = await exchange.trial.upstream.answer(request)
        if isinstance(answered, Passage):
            await pass_on(exchange, answered, send)
            whole = None
        elif isinstance(answered, Embeddings):
            texts = request.embedding.texts
            exchange.tokens = await aside(len(request.body), lambda: count_embedding(texts))
            exchange.usage_sent = exchange.tokens
            whole = render_embeddings(request.embedding, answered, exchange.tokens.prompt)
        else:
            whole = await _reply(exchange, request.conversation, answered, send)
    if flight.interrupted:
        await _after(exchange, send)
    elif exchange.cut:
        await cut_connection(receive, send, reset=False)
    elif whole is not None:
        text = answered.text if isinstance(answered, Reply) else ""
        await _send_whole(exchange, whole, text, send)


async def _reply(
    exchange: Exchange, conversation: Conversation, reply: Reply, send: Send
) -> bytes | None:
    """Stream a reply, or return its body once its time has passed."""
    envelope = await _envelope(exchange, conversation, reply)
    if conversation.stream:
        await _stream(exchange, conversation, reply, envelope, send)
        return None
    if reply.pace:
        rest = max(0, envelope.usage.completion - 1) * reply.pace.token_s
        await asyncio.sleep(reply.pace.first_token_s + rest)
    return _render(exchange, conversation, reply, envelope)


async def _envelope(exchange: Exchange, conversation: Conversation, reply: Reply) -> Envelope:
    exchange.tokens = await aside(len(exchange.request), lambda: count_call(conversation, reply))
    if conversation.include_usage or not conversation.stream or exchange.api == "responses":
        exchange.usage_sent = exchange.tokens
    exchange.tools_called = tuple([call.name for call in reply.calls])
    exchange.finish_reason = reply.finish_reason
    return Envelope(id=exchange.seed, created=unix_now(), model=conversation.model,
                    usage=exchange.tokens)


def _render(
    exchange: Exchange, conversation: Conversation, reply: Reply, envelope: Envelope
) -> bytes:
    if exchange.api == "chat":
        return render_chat(reply, envelope)
    return render_response(reply, envelope, conversation)


def _frames(
    exchange: Exchange, conversation: Conversation, reply: Reply, envelope: Envelope
) -> list[bytes]:
    if exchange.api == "chat":
        return chat_frames(reply, envelope, conversation)
    return response_frames(reply, envelope, conversation)


async def _send_whole(exchange: Exchange, body: bytes, text: str, send: Send) -> None:
    exchange.content((text,) if text else ())
    exchange.sent.append(body)
    exchange.record(200)
    await send_whole(send, 200, body, _JSON)


async def _stream(
    exchange: Exchange, conversation: Conversation, reply: Reply, envelope: Envelope, send: Send
) -> None:
    frames = _frames(exchange, conversation, reply, envelope)
    if reply.pace:
        await asyncio.sleep(reply.pace.first_token_s)
    exchange.sending = True
    await send({"type": "http.response.start", "status": 200, "headers": _EVENTS})
    if reply.pace and reply.pace.token_s:
        between = max(0, envelope.usage.completion - 1) * reply.pace.token_s / len(frames)
        await _send_slowly(exchange, frames[:-1], between, send)
        frames = frames[-1:]
    else:
        exchange.content((reply.text,) if reply.text else ())
    exchange.sent += frames
    exchange.record(200)
    await send({"type": "http.response.body", "body": b"".join(frames)})


async def _send_slowly(
    exchange: Exchange, frames: Sequence[bytes], between: float, send: Send
) -> None:
    readout = readout_of(exchange.api)
    for frame in frames:
        contents, texts = readout.contents, len(readout.texts)
        readout.feed(frame)
        if readout.contents != contents:
            exchange.content(readout.texts[texts:])
        exchange.sent.append(frame)
        await send({"type": "http.response.body", "body": frame, "more_body": True})
        await asyncio.sleep(between)


async def _after(exchange: Exchange, send: Send) -> None:
    """Tell a client that is still there why its call was interrupted."""
    if exchange.flight is not None and exchange.flight.interrupted != "hung_up":
        await send_error(exchange, send, Refusal(400, TRIAL_IS_OVER))
