"""Where answers come from: scripted model, live providers and cassettes, all behind one method."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

from agentdyno.core.spec import AgentSpec
from agentdyno.models.chat import parse_chat
from agentdyno.models.conversation import Conversation, Reply
from agentdyno.models.embeddings import EmbeddingRequest, Embeddings, parse_embeddings
from agentdyno.models.responses import parse_responses

Api = Literal["chat", "responses", "embeddings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """How long a recorded answer took when it was recorded."""

    first_token_ms: float | None
    """Milliseconds from the call's start to its first content."""
    duration_ms: float
    gaps_ms: tuple[float, ...] = ()
    """Milliseconds between consecutive content chunks."""


class UpstreamError(Exception):
    """No answer: the framework sees `status` and `message`, unless the gateway tries again."""

    def __init__(
        self, status: int, message: str, *, body: bytes | None = None,
        retry_after_s: float | None = None, retryable: bool = False,
        reached: bool = True, ends_trial: bool = False, cut: bool = False,
        recorded: Recorded | None = None,
    ) -> None:
        """
        Args:
            status: HTTP status for the framework.
            message: for people: what happened, whose fault it is.
            body: a provider's own error body (JSON), passed on as it is.
            retry_after_s: seconds that the provider asks to wait.
            retryable: whether another attempt may succeed (429, 5xx, a lost connection).
            reached: whether a response came at all; false for lost connections and timeouts.
            ends_trial: a fault of the bench or its set-up (a missing recording, a wrong key), so
                that the trial ends as `harness_fault`.
            cut: whether an `as-shipped` framework sees its connection reset instead of an answer.
            recorded: times of a provider's error that comes from a recording.
        """
        super().__init__(message)
        self.status = status
        self.message = message
        self.body = body
        self.retry_after_s = retry_after_s
        self.retryable = retryable
        self.reached = reached
        self.ends_trial = ends_trial
        self.recorded = recorded
        self.cut = cut


@dataclass(frozen=True, kw_only=True)
class ModelRequest:
    """One request as an upstream sees it."""

    api: Api
    agent: str
    """Agent in the path of the request."""
    agents: Mapping[str, AgentSpec]
    """The whole team, by name."""
    ordinal: int
    """Number of this call among the agent's calls, from 0."""
    body: bytes
    """The request as it was received."""
    json: dict[str, Any]
    """The same, parsed."""

    @property
    def stream(self) -> bool:
        """Whether server-sent events are asked for."""
        return self.json.get("stream") is True

    @cached_property
    def conversation(self) -> Conversation:
        """The request as a conversation; raises `RequestError` when it is none that we know."""
        return parse_chat(self.json) if self.api == "chat" else parse_responses(self.json)

    @cached_property
    def embedding(self) -> EmbeddingRequest:
        """The request for vectors; raises `RequestError`."""
        return parse_embeddings(self.json)


@dataclass(eq=False, slots=True, kw_only=True)
class Passage:
    """An answer that is passed on byte for byte, with status 200.

    Whoever takes it must read `chunks` to the end or `aclose()` it.
    """

    chunks: AsyncIterator[bytes]
    """The body as it arrives; raises `UpstreamError` when it breaks off."""
    media_type: bytes = b"application/json"
    """Its Content-Type; `text/event-stream` for a stream."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Further response headers to pass on, in lower case."""
    source: Literal["scripted", "live", "recorded"] = "live"
    provider: str = ""
    model: str = ""
    """Model that was asked for at the provider."""
    recorded: Recorded | None = None
    """Times of a recorded answer, which its event then has."""
    notes: dict[str, Any] = field(default_factory=dict)
    """What wrappers tell each other."""


Answered = Reply | Embeddings | Passage
"""A reply or vectors are rendered by the gateway; a passage is passed on."""


class Upstream(Protocol):
    """One trial's source of answers. Wrappers (retry, faults, cassette) have the same face."""

    async def answer(self, request: ModelRequest) -> Answered:
        """Answer one request.

        Raises:
            UpstreamError: there is no answer.
            RequestError: the request cannot be understood.
            ScriptGap: the scripted model has no rule; the trial ends as a harness fault.
        """
        ...
