"""An upstream that fails on purpose: the faults of a plan, injected between gateway and model."""

import asyncio
from typing import NoReturn

from agentdyno.core.event import Fault
from agentdyno.core.fault import TRANSPORT, FaultPlan, ModelFault
from agentdyno.core.faultdraw import Attempt, FaultDraw
from agentdyno.core.sink import Sink
from agentdyno.core.trial import USER_SIMULATOR
from agentdyno.models.conversation import Reply
from agentdyno.models.damage import (
    chunks_of,
    passage,
    read_reply,
    truncated,
    with_bad_call,
    without_content,
)
from agentdyno.models.embeddings import Embeddings
from agentdyno.models.upstream import Answered, ModelRequest, Passage, Upstream, UpstreamError

_ON_CALLS = ("malformed_arguments", "unknown_tool")
"""Kinds that can only be done to an answer that calls a tool."""


class FaultyUpstream:
    """Injects the model faults of a plan into one trial; everything else is the inner upstream's.

    A fault of the transport raises `UpstreamError`: whoever retries stands outside of this one.
    Faults of the content change the answer, which a live one has to be read for to its end.
    """

    def __init__(self, inner: Upstream, plan: FaultPlan, sink: Sink) -> None:
        """
        Args:
            inner: where the answers come from.
            plan: what to inject; its tool faults are the tool gateway's.
            sink: of the trial; its seed decides what is drawn, its events tell what was done.
        """
        self._inner = inner
        self._sink = sink
        faults = [fault for fault in plan.faults if isinstance(fault, ModelFault)]
        self._draw = FaultDraw(faults, sink.seed)

    async def answer(self, request: ModelRequest) -> Answered:
        """Answer one request, or fail at it. See `Upstream.answer`."""
        if request.api == "embeddings" or request.agent == USER_SIMULATOR:
            return await self._inner.answer(request)
        attempt = Attempt(
            agent=request.agent, ordinal=request.ordinal, elapsed_s=self._sink.now()
        )
        fault = self._draw.hit(attempt, _on_any)
        if fault is None:
            return await self._checked(request, attempt)
        started = self._sink.now()
        if fault.kind in TRANSPORT:
            await self._fail(fault, request, started)
        if fault.kind in ("empty_content", "refusal"):
            self._record(fault, request, started, "the model was not asked")
            return without_content(fault)
        if fault.kind == "slow_first_token":
            try:
                await asyncio.sleep(fault.wait_s)
            finally:
                self._record(fault, request, started, f"the answer came {fault.wait_s:g} s late")
            return await self._checked(request, attempt)
        return await self._truncated(fault, request, started)

    async def _fail(self, fault: ModelFault, request: ModelRequest, started: float) -> NoReturn:
        error = _error(fault)
        try:
            await asyncio.sleep(fault.wait_s if fault.kind == "timeout" else 0)
        finally:
            self._record(fault, request, started, error.message)
        raise error

    async def _truncated(
        self, fault: ModelFault, request: ModelRequest, started: float
    ) -> Answered:
        answered = await self._inner.answer(request)
        if isinstance(answered, Embeddings):
            return answered
        if isinstance(answered, Passage):
            given: Passage | None = answered
            _, reply, _ = await read_reply(answered, request)
        else:
            given, reply = None, answered
        self._record(fault, request, started, "the stream ends without a finish reason"
                     if request.stream else "the body ends in the middle of its JSON")
        return passage(truncated(reply, request), stream=request.stream, given=given)

    async def _checked(self, request: ModelRequest, attempt: Attempt) -> Answered:
        """Ask the model; break a call of its answer where a fault says so."""
        answered = await self._inner.answer(request)
        if isinstance(answered, Embeddings) or not self._draw.open(_on_calls):
            return answered
        if isinstance(answered, Reply):
            return self._broken(answered, request, attempt) or answered
        body, reply, usage = await read_reply(answered, request)
        broken = self._broken(reply, request, attempt)
        chunks = [body] if broken is None else chunks_of(broken, usage, request)
        return passage(chunks, stream=request.stream, given=answered)

    def _broken(self, reply: Reply, request: ModelRequest, attempt: Attempt) -> Reply | None:
        if not reply.calls:
            return None
        fault = self._draw.hit(attempt, _on_calls)
        if fault is None:
            return None
        broken = with_bad_call(fault, reply, request.conversation)
        was, now = reply.calls[0], broken.calls[0]
        detail = (
            f"{was.name} became {now.name}" if fault.kind == "unknown_tool"
            else f"arguments of {was.name}: {now.arguments}"
        )
        self._record(fault, request, self._sink.now(), detail)
        return broken

    def _record(
        self, fault: ModelFault, request: ModelRequest, started: float, detail: str
    ) -> None:
        self._sink.record(Fault(
            agent=request.agent, started_s=started, ended_s=self._sink.now(), channel="model",
            ordinal=request.ordinal, fault=fault.kind, detail=detail,
        ))


def _on_any(fault: ModelFault) -> bool:
    return fault.kind not in _ON_CALLS


def _on_calls(fault: ModelFault) -> bool:
    return fault.kind in _ON_CALLS


def _error(fault: ModelFault) -> UpstreamError:
    """Return what a provider's trouble of this kind looks like."""
    match fault.kind:
        case "http_429":
            wait = 1.0 if fault.retry_after_s is None else fault.retry_after_s
            text = fault.text or f"Rate limit reached. Please try again in {wait:g}s."
            return UpstreamError(429, text, retryable=True, retry_after_s=wait)
        case "http_500":
            text = fault.text or "The server had an error while processing your request."
            return UpstreamError(500, text, retryable=True)
        case "http_503":
            text = fault.text or "The engine is currently overloaded, please try again later."
            return UpstreamError(503, text, retryable=True, retry_after_s=fault.retry_after_s)
        case "timeout":
            text = f"the provider did not answer within {fault.wait_s:g} s"
            return UpstreamError(504, text, retryable=True, reached=False, cut=True)
    return UpstreamError(502, "the provider reset the connection", retryable=True,
                         reached=False, cut=True)
