"""One request to the model gateway: read, checked, answered, recorded."""

import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from agentdyno.core.event import ModelCall, TokenCount
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec
from agentdyno.models.flight import Flight, Interruption
from agentdyno.models.upstream import Upstream

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Api = Literal["chat", "responses", "embeddings"]

MAX_BODY = 64 * 1024 * 1024
"""Bytes of the largest request that is read."""
TRIAL_IS_OVER = "the trial is over"

_KINDS = {
    401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    429: "rate_limit_error", 499: "client_closed_request",
}


class Refusal(Exception):
    """A request that is answered with an error of OpenAI's shape."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param

    def body(self) -> bytes:
        """Return the response body."""
        kind = _KINDS.get(self.status, "server_error" if self.status >= 500
                          else "invalid_request_error")
        return orjson.dumps({"error": {
            "message": self.message, "type": kind, "param": self.param, "code": self.code,
        }})


@dataclass(eq=False, slots=True, kw_only=True)
class OpenTrial:
    """A trial whose calls are answered."""

    sink: Sink
    agents: Mapping[str, AgentSpec]
    upstream: Upstream
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


async def send_whole(send: Send, status: int, body: bytes, kind: bytes) -> None:
    """Send a response that is there as a whole."""
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    if status >= 400:
        headers.append((b"x-should-retry", b"false"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Exchange:
    """What becomes the `ModelCall` event and the wire record of one request."""

    __slots__ = (
        "agent", "api", "finish_reason", "first_token_s", "flight", "model", "ordinal", "recorded",
        "request", "retry_count", "sent", "started_s", "stream", "tokens", "tools_called",
        "tools_offered", "trial",
    )

    def __init__(self, trial: OpenTrial, agent: str, api: Api, retry_count: int) -> None:
        self.trial = trial
        self.agent = agent
        self.api: Api = api
        self.retry_count = retry_count
        self.started_s = trial.sink.now()
        self.ordinal = -1
        self.request = b""
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
        sink.record(ModelCall(
            agent=self.agent, started_s=self.started_s, ended_s=sink.now(), ordinal=self.ordinal,
            api=self.api, model=self.model, stream=self.stream, first_token_s=self.first_token_s,
            status=status, finish_reason=None if error else self.finish_reason,
            tokens=self.tokens, tools_offered=self.tools_offered, tools_called=self.tools_called,
            retry_count=self.retry_count, error=error,
        ))
        sink.exchange("model", self.agent, self.started_s, self.request.decode(errors="replace"),
                      b"".join(self.sent).decode(errors="replace"))

    def _interrupted(self, why: Interruption) -> None:
        if why == "hung_up":
            self.record(499, "the client hung up")
        else:
            refusal = Refusal(400, TRIAL_IS_OVER)
            self.sent.append(refusal.body())
            self.record(400, refusal.message)


def unix_now() -> int:
    """Return the Unix time in whole seconds."""
    return int(time.time())
