"""One request to the model gateway: read, checked, answered, recorded."""

import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import orjson

from agentdyno.core.event import ModelCall, TokenCount
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Retries
from agentdyno.models.flight import Flight, Interruption
from agentdyno.models.prices import cost_usd
from agentdyno.models.upstream import Api, ModelRequest, Upstream

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

MAX_BODY = 64 * 1024 * 1024
"""Bytes of the largest request that is read."""
TRIAL_IS_OVER = "the trial is over"
ENDED_MEANWHILE = f"{TRIAL_IS_OVER}: it ended while this call waited for its budget"

_KINDS = {
    401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    429: "rate_limit_error", 499: "client_closed_request",
}


class Refusal(Exception):
    """A request that is answered with an error of OpenAI's shape."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None,
        sent: bytes | None = None, retry_after_s: float | None = None, may_retry: bool = False,
        cut: bool = False,
    ) -> None:
        """
        Args:
            sent: a provider's own error body, passed on as it is.
            retry_after_s: seconds that the response asks the client to wait.
            may_retry: whether the client may try again by its own rules (`as-shipped`).
            cut: reset the connection instead of answering.
        """
        super().__init__(message)
        self.sent = sent
        self.retry_after_s = retry_after_s
        self.may_retry = may_retry
        self.cut = cut
        self.status = status
        self.message = message
        self.code = code
        self.param = param

    def body(self) -> bytes:
        """Return the response body."""
        if self.sent is not None:
            return self.sent
        kind = _KINDS.get(self.status, "server_error" if self.status >= 500
                          else "invalid_request_error")
        return orjson.dumps({"error": {
            "message": self.message, "type": kind, "param": self.param, "code": self.code,
        }})


class Guard(Protocol):
    """Looks at every call before it is made, and at what it cost afterwards."""

    async def admit(self, sink: Sink, request: ModelRequest) -> None:
        """Let a call pass, at most after asking somebody.

        Raises:
            Refusal: it would exceed a budget; the trial ends with outcome `limit`.
        """
        ...

    def settle(self, sink: Sink, call: ModelCall) -> None:
        """Take note of an admitted call that has ended; never waits, never raises."""
        ...


@dataclass(eq=False, slots=True, kw_only=True)
class OpenTrial:
    """A trial whose calls are answered."""

    sink: Sink
    agents: Mapping[str, AgentSpec]
    upstream: Upstream
    guard: Guard | None = None
    retries: Retries = "uniform"
    """Under `uniform` every error tells the framework not to try again, and a stream that ends
    without a finish reason is an error."""
    flights: set[Flight] = field(default_factory=set)


async def read_body(receive: Receive) -> bytes:
    """Return the whole request body.

    Raises:
        Refusal: it is too large, or the client hung up before its end.
    """
    message = await receive()
    body: bytes = message.get("body", b"")
    while message["type"] == "http.request" and message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise Refusal(413, f"the request body is larger than {MAX_BODY} bytes")
    if message["type"] == "http.disconnect":
        raise Refusal(499, "the client hung up while it sent the request")
    return body


async def send_whole(
    send: Send, status: int, body: bytes, kind: bytes, *,
    more: Sequence[tuple[bytes, bytes]] = (), may_retry: bool = False,
) -> None:
    """Send a response that is there as a whole; an error tells clients not to try again."""
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *more]
    if status >= 400 and not may_retry:
        headers.append((b"x-should-retry", b"false"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Exchange:
    """What becomes the `ModelCall` event and the wire record of one request."""

    __slots__ = (
        "admitted", "agent", "api", "asked", "finish_reason", "first_token_s", "flight", "gaps_ms",
        "model", "ordinal", "provider", "provider_model", "recorded", "request", "retry_count",
        "sent", "source", "started_s", "stream", "tokens", "tokens_by", "tools_called",
        "tools_offered", "trial", "usage_sent",
    )

    def __init__(self, trial: OpenTrial, agent: str, api: Api, retry_count: int) -> None:
        self.trial = trial
        self.agent = agent
        self.api: Api = api
        self.retry_count = retry_count
        self.started_s = trial.sink.now()
        self.ordinal = -1
        self.request = b""
        self.asked: ModelRequest
        self.admitted = False
        self.source: Literal["scripted", "live", "recorded"] = "scripted"
        self.provider = ""
        self.provider_model = ""
        self.tokens_by: Literal["harness", "provider"] = "harness"
        self.usage_sent: TokenCount | None = None
        self.gaps_ms: tuple[float, ...] = ()
        self.model = ""
        self.stream = False
        self.tokens: TokenCount | None = None
        self.tools_offered: tuple[str, ...] = ()
        self.tools_called: tuple[str, ...] = ()
        self.finish_reason: str | None = None
        self.first_token_s: float | None = None
        self.sent: list[bytes] = []
        self.recorded = False
        self.flight: Flight | None = None

    @property
    def seed(self) -> str:
        """Identifier of the response; equal in every repetition of the trial."""
        return f"{self.agent}_{self.ordinal}"

    def understand(self, request: ModelRequest) -> None:
        """Take from the parsed request what its event says, whatever else stands in it."""
        self.asked = request
        self.model = str(request.json.get("model", ""))
        self.stream = request.stream
        offered = request.json.get("tools")
        if isinstance(offered, list):
            self.tools_offered = tuple([_tool_name(tool) for tool in offered])

    def begin(self, receive: Receive) -> Flight:
        """Return the context in which a hang-up or the trial's end stops this call."""
        self.flight = Flight(receive, self._interrupted)
        self.trial.flights.add(self.flight)
        return self.flight

    def end(self) -> None:
        """Leave the trial's list of calls under way."""
        if self.flight is not None:
            self.trial.flights.discard(self.flight)

    def record(self, status: int, error: str | None = None) -> None:
        """Write event and wire record, once."""
        if self.recorded:
            return
        self.recorded = True
        sink = self.trial.sink
        if self.ordinal < 0:
            self.ordinal = sink.ordinal("model", self.agent)
        call = ModelCall(
            agent=self.agent, started_s=self.started_s, ended_s=sink.now(), ordinal=self.ordinal,
            api=self.api, model=self.model, stream=self.stream, first_token_s=self.first_token_s,
            status=status, finish_reason=None if error else self.finish_reason,
            tokens=self.tokens, tools_offered=self.tools_offered, tools_called=self.tools_called,
            retry_count=self.retry_count, error=error, source=self.source,
            provider=self.provider, provider_model=self.provider_model, tokens_by=self.tokens_by,
            usage_sent=None if error else self.usage_sent, gaps_ms=self.gaps_ms,
            cost_usd=self._cost(),
        )
        sink.record(call)
        if self.admitted and self.trial.guard is not None:
            self.trial.guard.settle(sink, call)
        sink.exchange("model", self.agent, self.started_s, self.request.decode(errors="replace"),
                      b"".join(self.sent).decode(errors="replace"))

    def _cost(self) -> float | None:
        """Return what a live answer costs; scripted and recorded ones cost nothing now."""
        if self.source != "live" or self.tokens is None:
            return None
        return cost_usd(self.provider, self.provider_model or self.model, self.tokens)

    def _interrupted(self, why: Interruption) -> None:
        if why == "hung_up":
            self.record(499, "the client hung up")
        else:
            refusal = Refusal(400, TRIAL_IS_OVER)
            self.sent.append(refusal.body())
            self.record(400, refusal.message)


def _tool_name(tool: Any) -> str:
    """Return the name of an offered tool; of one that is no function, its type."""
    if not isinstance(tool, dict):
        return ""
    function = tool.get("function")
    named = function if isinstance(function, dict) else tool
    return str(named.get("name") or tool.get("type", ""))


def unix_now() -> int:
    """Return the Unix time in whole seconds."""
    return int(time.time())
