"""Tokens of a call, counted by the harness alone and in one way for every framework.

A real byte-pair encoding, `cl100k_base`, whose vocabulary is compiled into the PyPI package
`toktok-rs`: nothing is downloaded, and it loads in a quarter of a CPU-second (`o200k_base` takes
more than twice that, and only ratios between frameworks are read from these numbers).

    prompt       = sum over messages of role + name + each content block
                   + each tool call's name and arguments
                   + prompt_tools + the schema of response_format
    prompt_tools = sum over the tools of their canonical JSON (sorted keys, no spaces), as sent
    completion   = text + each tool call's name and arguments

Every term is encoded by itself, so a count depends on no chat template and adds up piece by piece.
Images and other content that is no text count as their type in brackets.
"""

import threading
from collections.abc import Sequence

import orjson
import toktok  # type: ignore[import-untyped]

from agentdyno.core.event import TokenCount
from agentdyno.models.conversation import Conversation, Reply

ENCODING = "cl100k_base"
_CACHE_CHARACTERS = 4_000_000

_cache: dict[str, int] = {}
_cached_characters = 0


def warm_up() -> threading.Thread:
    """Load the vocabulary in a background thread (it releases the GIL) and return the thread."""
    thread = threading.Thread(target=count_text, args=("warm",), name="tokenizer", daemon=True)
    thread.start()
    return thread


def count_text(text: str) -> int:
    """Return the tokens of `text`; special tokens in it count as the ordinary text they are.

    Counts are remembered, since each call of a conversation repeats all the texts before it.
    """
    global _cached_characters
    known = _cache.get(text)
    if known is not None:
        return known
    count: int = toktok.batch_count([text], ENCODING, 1)[0]
    if _cached_characters > _CACHE_CHARACTERS:
        _cache.clear()
        _cached_characters = 0
    _cache[text] = count
    _cached_characters += len(text)
    return count


def count_prompt(conversation: Conversation) -> TokenCount:
    """Return the tokens of a request; `completion` is 0."""
    total = 0
    for message in conversation.messages:
        total += count_text(message.role)
        if message.name:
            total += count_text(message.name)
        for part in message.parts:
            total += count_text(part)
        for call in message.calls:
            total += count_text(call.name) + count_text(call.arguments)
    tools = sum(count_text(_canonical(offer.sent)) for offer in conversation.tools)
    if conversation.output is not None and conversation.output.schema is not None:
        total += count_text(_canonical(conversation.output.schema))
    return TokenCount(prompt=total + tools, prompt_tools=tools, completion=0)


def count_completion(reply: Reply) -> int:
    """Return the tokens of a reply."""
    total = count_text(reply.text) if reply.text else 0
    return total + sum(count_text(call.name) + count_text(call.arguments) for call in reply.calls)


def count_texts(texts: Sequence[str]) -> TokenCount:
    """Return the tokens of an embeddings request."""
    total = sum(count_text(text) for text in texts)
    return TokenCount(prompt=total, prompt_tools=0, completion=0)


def _canonical(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
