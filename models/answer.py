"""From a parsed request to the bytes of its answer, at the pace that the upstream asks for."""

import asyncio
from collections.abc import Sequence
from typing import Any

from agentdyno.models.chat import chat_frames, parse_chat, render_chat
from agentdyno.models.conversation import Conversation, Reply
from agentdyno.models.embeddings import parse_embeddings, render_embeddings
from agentdyno.models.exchange import (
    TRIAL_IS_OVER,
    Exchange,
    Receive,
    Refusal,
    Send,
    send_whole,
    unix_now,
)
from agentdyno.models.responses import parse_responses, render_response, response_frames
from agentdyno.models.tokens import count_call, count_embedding
from agentdyno.models.upstream import ModelRequest
from agentdyno.models.wire import Envelope

_JSON = b"application/json"
_EVENTS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]


async def answer_chat(
    exchange: Exchange, body: dict[str, Any], receive: Receive, send: Send
) -> None:
    """Answer a chat completions request."""
    await _answer(exchange, parse_chat(body), receive, send)


async def answer_responses(
    exchange: Exchange, body: dict[str, Any], receive: Receive, send: Send
) -> None:
    """Answer a responses request."""
    await _answer(exchange, parse_responses(body), receive, send)


async def answer_embeddings(
    exchange: Exchange, body: dict[str, Any], receive: Receive, send: Send
) -> None:
    """Answer an embeddings request."""
    request = parse_embeddings(body)
    exchange.model = request.model
    with exchange.begin(receive) as flight:
        made = await exchange.trial.upstream.embed(request)
    if flight.interrupted:
        await _after(exchange, send)
        return
    exchange.tokens = count_embedding(request.texts)
    await _send_whole(exchange, render_embeddings(request, made, exchange.tokens.prompt), send)


async def _answer(
    exchange: Exchange, conversation: Conversation, receive: Receive, send: Send
) -> None:
    exchange.model = conversation.model
    exchange.stream = conversation.stream
    exchange.tools_offered = tuple([offer.name for offer in conversation.tools])
    request = ModelRequest(
        agent=exchange.agent, agents=exchange.trial.agents, ordinal=exchange.ordinal,
        conversation=conversation, body=exchange.request,
    )
    with exchange.begin(receive) as flight:
        reply = await exchange.trial.upstream.reply(request)
        envelope = _envelope(exchange, conversation, reply)
        if conversation.stream:
            await _stream(exchange, conversation, reply, envelope, send)
        else:
            if reply.pace:
                rest = max(0, envelope.usage.completion - 1) * reply.pace.token_s
                await asyncio.sleep(reply.pace.first_token_s + rest)
            whole = _render(exchange, conversation, reply, envelope)
    if flight.interrupted:
        await _after(exchange, send)
    elif not conversation.stream:
        await _send_whole(exchange, whole, send)


def _envelope(exchange: Exchange, conversation: Conversation, reply: Reply) -> Envelope:
    exchange.tokens = count_call(conversation, reply)
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
