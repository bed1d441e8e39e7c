"""Tokens of a call, counted by the harness alone and in one way for every framework.

    prompt       = sum over messages of role + name + each content block
                   + each tool call's name and arguments
                   + prompt_tools + the schema of response_format
    prompt_tools = sum over the tools of their canonical JSON (sorted keys, no spaces), as sent
    completion   = text + each tool call's name and arguments

Every term is encoded by itself (`bpe.py`), so a count depends on no chat template and adds up piece
by piece. `developer` and the instructions of the Responses API count as the role `system`. Images
and other content that is no text count as their type in brackets.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from agentdyno.core.event import TokenCount
from agentdyno.models.bpe import count_text, count_texts, is_warm, warm_up
from agentdyno.models.conversation import Conversation, Reply, ToolUse, call_texts, canonical
from agentdyno.models.readout import Readout
from agentdyno.models.upstream import ModelRequest

Counted = TypeVar("Counted")
LARGE = 256 * 1024
"""Bytes of a request whose tokens are counted in a thread: the encoder lets other threads run."""


async def aside(size: int, count: Callable[[], Counted]) -> Counted:
    """Return what `count` returns, without holding up the event loop.

    Args:
        size: bytes of what is counted.
        count: does the counting; run in a thread when that takes long.
    """
    if is_warm() and size <= LARGE:
        return count()
    await asyncio.to_thread(warm_up().join)
    return await asyncio.to_thread(count)


def count_call(conversation: Conversation, reply: Reply) -> TokenCount:
    """Return the tokens of a request and of the reply to it."""
    tools = sum([offer.tokens for offer in conversation.tools])
    prompt = tools + sum([message.tokens for message in conversation.messages])
    if conversation.output is not None and conversation.output.schema is not None:
        prompt += count_text(canonical(conversation.output.schema))
    said = (reply.text,) if reply.text else ()
    completion = count_texts((*said, *call_texts(reply.calls)))
    return TokenCount(prompt=prompt, prompt_tools=tools, completion=completion)


def count_embedding(texts: Sequence[str]) -> TokenCount:
    """Return the tokens of an embeddings request."""
    return TokenCount(prompt=count_texts(texts), prompt_tools=0, completion=0)


def count_passed(request: ModelRequest, readout: Readout) -> TokenCount:
    """Return the tokens of a request and of the answer to it, when no provider tells them.

    Raises:
        RequestError: the request is none that we know.
    """
    if request.api == "embeddings":
        return count_embedding(request.embedding.texts)
    calls = tuple([
        ToolUse(id=call["id"], name=call["name"], arguments=call["arguments"])
        for call in readout.calls
    ])
    return count_call(request.conversation, Reply(text="".join(readout.texts), calls=calls))
