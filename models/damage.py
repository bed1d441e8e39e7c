"""What content faults do to an answer: changed, or cut in the middle."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from agentdyno.core.event import TokenCount
from agentdyno.core.fault import ModelFault
from agentdyno.models.chat import chat_frames, render_chat
from agentdyno.models.conversation import Conversation, Reply, ToolUse
from agentdyno.models.exchange import unix_now
from agentdyno.models.reread import reread
from agentdyno.models.responses import render_response, response_frames
from agentdyno.models.tokens import count_call
from agentdyno.models.upstream import ModelRequest, Passage
from agentdyno.models.wire import Envelope

REFUSAL = "I'm sorry, but I can't help with that."
_JSON, _EVENTS = b"application/json", b"text/event-stream"
_OF_THE_BODY = (b"content-length", b"content-encoding", b"transfer-encoding")
_DELTAS = (b"event: response.output_text.delta", b"event: response.function_call_arguments.delta")


def without_content(fault: ModelFault) -> Reply:
    """Return the answer of a model that says nothing, or refuses."""
    return Reply(text="" if fault.kind == "empty_content" else fault.text or REFUSAL)


def with_bad_call(fault: ModelFault, reply: Reply, conversation: Conversation) -> Reply:
    """Return `reply` with its first call broken: its arguments' JSON, or its tool's name."""
    first = reply.calls[0]
    if fault.kind == "malformed_arguments":
        broken = replace(first, arguments=first.arguments[:-1] or "{")
    else:
        broken = replace(first, name=fault.text or _unknown(first.name, conversation))
    return replace(reply, calls=(broken, *reply.calls[1:]))


def truncated(reply: Reply, request: ModelRequest) -> list[bytes]:
    """Return an answer that breaks off: a stream without finish reason, or half of the JSON."""
    conversation = request.conversation
    usage = count_call(conversation, reply)
    if not request.stream:
        body = _rendered(reply, request, usage)[0]
        return [body[: len(body) // 2]]
    frames = _rendered(_halved(reply), request, usage)
    if request.api == "chat":
        return frames[: -3 if conversation.include_usage else -2]
    last = max((at for at, frame in enumerate(frames) if frame.startswith(_DELTAS)), default=1)
    return frames[: last + 1]


def chunks_of(reply: Reply, usage: TokenCount | None, request: ModelRequest) -> list[bytes]:
    """Return a whole answer as it is sent; without `usage` its tokens are counted."""
    return _rendered(reply, request, usage or count_call(request.conversation, reply))


async def read_reply(
    given: Passage, request: ModelRequest
) -> tuple[bytes, Reply, TokenCount | None]:
    """Read a passage to its end; returns its bytes, what they say, and the usage they tell.

    Raises:
        UpstreamError: it breaks off by itself.
        ValueError: it is no answer of this API.
    """
    body = b"".join([chunk async for chunk in given.chunks])
    stream = given.media_type.startswith(_EVENTS)
    return body, *reread(body, request.api, stream=stream)


def passage(chunks: Sequence[bytes], *, stream: bool, given: Passage | None = None) -> Passage:
    """Return chunks that are there already as a passage, with the origin of the `given` one."""

    async def sent() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    media_type = _EVENTS if stream else _JSON
    if given is None:
        return Passage(chunks=sent(), media_type=media_type, source="scripted")
    headers = tuple(header for header in given.headers if header[0] not in _OF_THE_BODY)
    return replace(given, chunks=sent(), media_type=media_type, headers=headers)


def _halved(reply: Reply) -> Reply:
    """Return the first half: of the last call's arguments, or of the text where there is none."""
    if not reply.calls:
        return replace(reply, text=reply.text[: (len(reply.text) + 1) // 2])
    last: ToolUse = reply.calls[-1]
    cut = replace(last, arguments=last.arguments[: (len(last.arguments) + 1) // 2])
    return replace(reply, calls=(*reply.calls[:-1], cut))


def _rendered(reply: Reply, request: ModelRequest, usage: TokenCount) -> list[bytes]:
    conversation = request.conversation
    envelope = Envelope(id=f"{request.agent}_{request.ordinal}", created=unix_now(),
                        model=conversation.model, usage=usage)
    if request.api == "chat":
        if request.stream:
            return chat_frames(reply, envelope, conversation)
        return [render_chat(reply, envelope)]
    if request.stream:
        return response_frames(reply, envelope, conversation)
    return [render_response(reply, envelope, conversation)]


def _unknown(name: str, conversation: Conversation) -> str:
    offered = {offer.name for offer in conversation.tools}
    while name in offered:
        name += "_v2"
    return name
