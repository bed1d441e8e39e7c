"""Tiny calls that find out what a live model can do: `agentdyno doctor --model NAME`."""

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from agentdyno.core.event import TokenCount
from agentdyno.core.model import ModelChoice
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec, Limits
from agentdyno.models.prices import cost_usd, is_billed, load
from agentdyno.models.providers import Catalogue, Providers
from agentdyno.models.upstream import ModelRequest, Passage, Upstream, UpstreamError

_AGENT = AgentSpec(name="doctor", role="tester", goal="test", instructions="Answer.")
_TIMEOUT_S = 60.0
_TOOL = {"type": "function", "function": {
    "name": "add", "description": "Add two integers.", "parameters": {
        "type": "object", "additionalProperties": False, "required": ["a", "b"],
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    },
}}
_SCHEMA = {
    "type": "object", "additionalProperties": False, "required": ["sum"],
    "properties": {"sum": {"type": "integer"}},
}


@dataclass(frozen=True, kw_only=True)
class Probed:
    """One thing that was tried."""

    what: str
    works: bool
    detail: str


async def probe(catalogue: Catalogue, choice: ModelChoice) -> AsyncIterator[Probed]:
    """Ask the model four small things and look up its price; yields each finding as it is there.

    A model that gives no plain answer is not asked for more.

    Raises:
        UsageError: the model cannot be asked at all: no such provider, or no key.
    """
    catalogue.check({_AGENT.name: choice})
    async with Providers(catalogue) as providers:
        sink = Sink(trial_id="doctor", token="", limits=Limits(timeout_s=_TIMEOUT_S))
        upstream = providers.upstream(sink, {_AGENT.name: choice}, retries="as-shipped")
        for number, (what, keys, judge) in enumerate(_PROBES):
            found = await _try(upstream, number, what, keys, judge)
            yield found
            if number == 0 and not found.works:
                return
    yield await _price(choice)


async def _try(
    upstream: Upstream, number: int, what: str, keys: dict[str, Any],
    judge: Callable[[bytes], str],
) -> Probed:
    body = {"model": "default", **keys}
    request = ModelRequest(
        api="chat", agent=_AGENT.name, agents={_AGENT.name: _AGENT}, ordinal=number,
        body=orjson.dumps(body), json=body,
    )
    began = time.perf_counter()
    try:
        answered = await upstream.answer(request)
        if not isinstance(answered, Passage):
            raise TypeError("a live model answers with a passage")
        read = b"".join([chunk async for chunk in answered.chunks])
        took_ms = (time.perf_counter() - began) * 1000
        return Probed(what=what, works=True, detail=f"{judge(read)}, {took_ms:.0f} ms")
    except UpstreamError as error:
        return Probed(what=what, works=False, detail=error.message)
    except (LookupError, TypeError, ValueError) as error:
        return Probed(what=what, works=False, detail=f"{error or type(error).__name__}")


def _message(body: bytes) -> dict[str, Any]:
    message = orjson.loads(body)["choices"][0]["message"]
    if not isinstance(message, dict):
        raise ValueError("the answer holds no message")
    return message


def _plain(body: bytes) -> str:
    text = _message(body).get("content")
    if not text:
        raise ValueError("the answer is empty")
    return f"answers {' '.join(text.split())[:40]!r}"


def _tools(body: bytes) -> str:
    calls = _message(body).get("tool_calls")
    if not calls:
        raise ValueError("no tool was called, though the request asked for one")
    function = calls[0]["function"]
    if function["name"] != "add" or not isinstance(orjson.loads(function["arguments"]), dict):
        raise ValueError(f"another call came than was asked for: {function}")
    return "calls a tool"


def _stream(body: bytes) -> str:
    lines = [line[5:].strip() for line in body.split(b"\n") if line.startswith(b"data:")]
    chunks = [orjson.loads(line) for line in lines if line != b"[DONE]"]
    if not chunks:
        raise ValueError("a whole answer came, though the request asked for a stream")
    if not any(c.get("finish_reason") for chunk in chunks for c in chunk.get("choices", [])):
        raise ValueError("the stream has no finish reason")
    usage = any(chunk.get("usage") for chunk in chunks)
    return f"{len(chunks)} chunks, {'with' if usage else 'without'} usage"


def _structured(body: bytes) -> str:
    text = _message(body).get("content") or ""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the answer is no JSON: {text[:60]!r}") from error
    if not isinstance(found, dict) or not isinstance(found.get("sum"), int):
        raise ValueError(f"the answer does not keep to the schema: {text[:60]!r}")
    return "keeps to a JSON Schema"


def _asking(text: str, **keys: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **keys}


_PROBES: tuple[tuple[str, dict[str, Any], Callable[[bytes], str]], ...] = (
    ("plain answer", _asking("Reply with the word ready."), _plain),
    ("tools", _asking("Use the tool to add 2 and 3.", tools=[_TOOL], tool_choice={
        "type": "function", "function": {"name": "add"},
    }), _tools),
    ("streaming", _asking("Count from one to five.", stream=True, stream_options={
        "include_usage": True,
    }), _stream),
    ("structured output", _asking("What is 2 + 3? Answer as JSON.", response_format={
        "type": "json_schema", "json_schema": {"name": "answer", "strict": True,
                                               "schema": _SCHEMA},
    }), _structured),
)


async def _price(choice: ModelChoice) -> Probed:
    if not is_billed(choice.provider):
        return Probed(what="price", works=True, detail="a server of one's own: nobody bills")
    await load()
    # Of a short call: long prompts have another price at some providers.
    calls = TokenCount(prompt=1000, completion=0), TokenCount(prompt=0, completion=1000)
    read, write = (cost_usd(choice.provider, choice.name, tokens) for tokens in calls)
    if read is None or write is None:
        return Probed(
            what="price", works=False,
            detail="unknown: no budget in dollars can hold for this model",
        )
    return Probed(what="price", works=True,
                  detail=f"${read * 1000:g} per million tokens read, ${write * 1000:g} written")
