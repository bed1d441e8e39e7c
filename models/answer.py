"""From a parsed request to the bytes of its answer, at the pace that the upstream asks for."""

import asyncio
from collections.abc import Sequence

from agentdyno.models.chat import chat_frames, render_chat
from agentdyno.models.conversation import Conversation, Reply
from agentdyno.models.embeddings import Embeddings, render_embeddings
from agentdyno.models.exchange import (
    TRIAL_IS_OVER,
    Exchange,
    Receive,
    Refusal,
    Send,
    send_whole,
    unix_now,
)
from agentdyno.models.passing import pass_on
from agentdyno.models.responses import render_response, response_frames
from agentdyno.models.tokens import count_call, count_embedding
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
            exchange.tokens = exchange.usage_sent = count_embedding(request.embedding.texts)
            whole = render_embeddings(request.embedding, answered, exchange.tokens.prompt)
        else:
            whole = await _reply(exchange, request.conversation, answered, send)
    if flight.interrupted:
        await _after(exchange, send)
    elif whole is not None:
        await _send_whole(exchange, whole, send)


async def _reply(
    exchange: Exchange, conversation: Conversation, reply: Reply, send: Send
) -> bytes | None:
    """Stream a reply, or return its body once its time has passed."""
    envelope = _envelope(exchange, conversation, reply)
    if conversation.stream:
        await _stream(exchange, conversation, reply, envelope, send)
        return None
    if reply.pace:
        rest = max(0, envelope.usage.completion - 1) * reply.pace.token_s
        await asyncio.sleep(reply.pace.first_token_s + rest)
    return _render(exchange, conversation, reply, envelope)


def _envelope(exchange: Exchange, conversation: Conversation, reply: Reply) -> Envelope:
    exchange.tokens = count_call(conversation, reply)
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


async def _send_whole(exchange: Exchange, body: bytes, send: Send) -> None:
    exchange.first_token_s = exchange.trial.sink.now()
    exchange.sent.append(body)
    exchange.record(200)
    await send_whole(send, 200, body, _JSON)


async def _stream(
    exchange: Exchange, conversation: Conversation, reply: Reply, envelope: Envelope, send: Send
) -> None:
    frames = _frames(exchange, conversation, reply, envelope)
    if reply.pace:
        await asyncio.sleep(reply.pace.first_token_s)
    await send({"type": "http.response.start", "status": 200, "headers": _EVENTS})
    if reply.pace and reply.pace.token_s:
        between = max(0, envelope.usage.completion - 1) * reply.pace.token_s / len(frames)
        await _send_slowly(exchange, frames[:-1], between, send)
        frames = frames[-1:]
    if exchange.first_token_s is None:
        exchange.first_token_s = exchange.trial.sink.now()
    exchange.sent += frames
    exchange.record(200)
    await send({"type": "http.response.body", "body": b"".join(frames)})


async def _send_slowly(
    exchange: Exchange, frames: Sequence[bytes], between: float, send: Send
) -> None:
    for frame in frames:
        if exchange.first_token_s is None:
            exchange.first_token_s = exchange.trial.sink.now()
        exchange.sent.append(frame)
        await send({"type": "http.response.body", "body": frame, "more_body": True})
        await asyncio.sleep(between)


async def _after(exchange: Exchange, send: Send) -> None:
    """Tell a client that is still there why its call was interrupted.

    A stream that has begun ends with an error event: frameworks take one that just stops for a
    whole answer.
    """
    if exchange.flight is None or exchange.flight.interrupted == "hung_up":
        return
    error = Refusal(400, TRIAL_IS_OVER).body()
    if exchange.first_token_s is None:
        await send_whole(send, 400, error, _JSON)
        return
    await send({"type": "http.response.body", "body": b"event: error\ndata: %b\n\n" % error})
