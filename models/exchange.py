"""One request to the model gateway: read, checked, answered, recorded."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from agentdyno.core.event import ModelCall, TokenCount
from agentdyno.core.sink import Delta, Sink
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Retries
from agentdyno.models.asgi import (
    ENDED_MEANWHILE,
    MAX_BODY,
    TRIAL_IS_OVER,
    Receive,
    Refusal,
    Scope,
    Send,
    error_event,
    read_body,
    send_whole,
)
from agentdyno.models.conversation import RequestError
from agentdyno.models.flight import Flight, Interruption
from agentdyno.models.prices import cost_usd
from agentdyno.models.readout import Readout
from agentdyno.models.tokens import LARGE, count_passed
from agentdyno.models.upstream import Api, ModelRequest, Recorded, Upstream

__all__ = [
    "ENDED_MEANWHILE", "MAX_BODY", "TRIAL_IS_OVER", "Exchange", "Guard", "OpenTrial", "Receive",
    "Refusal", "Scope", "Send", "error_event", "read_body", "send_error", "send_whole", "unix_now",
]


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


async def send_error(exchange: "Exchange | None", send: Send, refusal: Refusal) -> None:
    """Tell a client why it gets no answer, or no more of it.

    A stream that has begun ends with an error event, since frameworks take one that just stops for
    a whole answer. Every version of the OpenAI client raises on data with the key `error`; the
    other keys are those of the Responses API's own error event.
    """
    if exchange is None or not exchange.sending:
        more = () if refusal.retry_after_s is None else (
            (b"retry-after", b"%g" % refusal.retry_after_s),
            (b"retry-after-ms", b"%g" % (1000 * refusal.retry_after_s)),
        )
        await send_whole(send, refusal.status, refusal.body(), b"application/json", more=more,
                         may_retry=refusal.may_retry)
    else:
        await send({"type": "http.response.body", "body": error_event(exchange.api, refusal)})


class Exchange:
    """What becomes the `ModelCall` event and the wire record of one request."""

    __slots__ = (
        "_content_s", "admitted", "agent", "api", "asked", "asked_model", "cut", "finish_reason",
        "first_token_s", "flight", "gaps_ms", "model", "ordinal", "provider", "provider_model",
        "readout", "recorded", "request", "retry_count", "sending", "sent", "source", "started_s",
        "stream", "times", "tokens", "tokens_by", "tools_called", "tools_offered", "trial",
        "truncated", "usage_sent",
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
        self.asked_model = ""
        self.tokens_by: Literal["harness", "provider"] = "harness"
        self.usage_sent: TokenCount | None = None
        self.gaps_ms: list[float] = []
        self.readout: Readout | None = None
        self._content_s = 0.0
        self.truncated = False
        self.sending = False
        self.cut = False
        self.times: Recorded | None = None
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
        if self.readout is not None:
            self._take(self.readout)
        ended_s = sink.now()
        if self.times is not None:
            ended_s = self._retime(self.times)
        call = ModelCall(
            agent=self.agent, started_s=self.started_s, ended_s=ended_s, ordinal=self.ordinal,
            api=self.api, model=self.model, stream=self.stream, first_token_s=self.first_token_s,
            status=status, finish_reason=None if error else self.finish_reason,
            tokens=self.tokens, tools_offered=self.tools_offered, tools_called=self.tools_called,
            retry_count=self.retry_count, error=error, source=self.source,
            provider=self.provider, provider_model=self.provider_model, tokens_by=self.tokens_by,
            usage_sent=None if error else self.usage_sent, gaps_ms=tuple(self.gaps_ms),
            truncated=self.truncated, cost_usd=self._cost(),
        )
        sink.record(call)
        if self.admitted and self.trial.guard is not None:
            self.trial.guard.settle(sink, call)
        sink.exchange("model", self.agent, self.started_s, self.request.decode(errors="replace"),
                      b"".join(self.sent).decode(errors="replace"))

    def _cost(self) -> float | None:
        """Return what a live answer costs; scripted and recorded ones cost nothing now.

        The model that the response names comes first: it is the more exact one.
        """
        if self.source != "live" or self.tokens is None:
            return None
        cost = cost_usd(self.provider, self.provider_model, self.tokens)
        return cost_usd(self.provider, self.asked_model, self.tokens) if cost is None else cost

    def content(self, texts: Sequence[str] = ()) -> None:
        """Note that content of the answer is there now, and show its text to who watches."""
        sink, now = self.trial.sink, self.trial.sink.now()
        if self.first_token_s is None:
            self.first_token_s = now
        else:
            self.gaps_ms.append(round(1000 * (now - self._content_s), 3))
        self._content_s = now
        if sink.watch is not None:
            for text in texts:
                sink.watch(Delta(agent=self.agent, text=text))

    def count(self) -> TokenCount | None:
        """Return what a passed-on call took by our own count.

        Returns:
            None when the request cannot be read: providers take more than this gateway knows.
        """
        assert self.readout is not None
        try:
            return count_passed(self.asked, self.readout)
        except RequestError:
            return None

    @property
    def counted_here(self) -> bool:
        """Whether an answer that is passed on tells no usage of somebody who bills by it."""
        readout = self.readout
        return readout is not None and (readout.tokens is None or not self.provider)

    def _take(self, readout: Readout) -> None:
        """Take over what was read of an answer that was passed on."""
        self.finish_reason = readout.finish_reason
        self.tools_called = tuple([call["name"] for call in readout.calls])
        self.provider_model = readout.model or self.provider_model
        self.usage_sent = readout.tokens
        if self.usage_sent is not None and self.provider:
            self.tokens, self.tokens_by = self.usage_sent, "provider"

    def _retime(self, times: Recorded) -> float:
        """Take the times of a recorded answer; return its end."""
        first = times.first_token_ms
        self.first_token_s = None if first is None else self.started_s + first / 1000
        self.gaps_ms = list(times.gaps_ms)
        return self.started_s + times.duration_ms / 1000

    def _interrupted(self, why: Interruption) -> None:
        if self.counted_here and len(self.request) <= LARGE:
            self.tokens = self.count()
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
