"""The parts of a cassette, each one document of its file."""

import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal

from pydantic import Field

from agentdyno.core.canonical import content_hash
from agentdyno.core.noun import Noun
from agentdyno.core.recording import JsonText
from agentdyno.core.trial import TrialKey
from agentdyno.models.upstream import Api

FORMAT = 1
"""Raised when older programs would misread what is written."""

Layout = Literal["exact", "compact", "ascii", "spaced", "spaced-ascii"]
"""How a JSON body stood on the wire; `exact` is kept as it came."""

_LAYOUTS: dict[str, dict[str, Any]] = {
    "compact": {"separators": (",", ":"), "ensure_ascii": False},
    "ascii": {"separators": (",", ":")},
    "spaced": {"ensure_ascii": False},
    "spaced-ascii": {},
}


class Chunk(Noun):
    """One server-sent event of a streamed response."""

    ms: float
    """Milliseconds from the call's start to its arrival, in the recording."""
    text: str
    """The event as it came, with the blank line that ends it."""


class Head(Noun):
    """First document: whose recording this is."""

    cassette: int
    """Version of the format."""
    seal: str = ""
    """Hash of the rest of the file; a cassette that was edited by hand does not fit it."""
    harness: str
    """Version of agentdyno that wrote the file."""
    trial: str
    """Id of the recorded trial."""
    recorded_at: str
    """When the trial started (ISO 8601, UTC)."""
    key: TrialKey
    """What decided the recorded trial."""
    outcome: str
    user_turns: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """Calls that no provider answered, which a replay therefore cannot answer either."""


class ModelRecording(Noun):
    """One model call and what the provider answered."""

    agent: str
    ordinal: int = Field(ge=0)
    """Number of the call among the agent's model calls, from 0."""
    api: Api
    provider: str = ""
    provider_model: str = ""
    status: int
    started_s: float
    """Seconds from the trial's start to the call's start; like all times, of the recording."""
    first_token_ms: float | None = None
    """Milliseconds from the call's start to its first content."""
    duration_ms: float
    request: JsonText
    """The request without volatile ids."""
    layout: Layout = "exact"
    """How `body` has to be written to be what the provider sent."""
    body: str = ""
    """Response body; "" for a stream."""
    stream: tuple[Chunk, ...] = ()
    """Server-sent events."""
    gaps_ms: tuple[float, ...] = ()
    """Milliseconds between the content chunks of the stream, as they were measured."""

    @cached_property
    def request_key(self) -> str:
        """Hash of the request."""
        return request_key(self.api, self.request)

    @property
    def label(self) -> str:
        """How people are told of this call."""
        return f"call {self.ordinal + 1} of {self.agent}"

    @property
    def ended_s(self) -> float:
        """Seconds from the trial's start to the call's end."""
        return self.started_s + self.duration_ms / 1000

    def body_text(self) -> str:
        """Return the response body exactly as it came."""
        if self.stream:
            return "".join(chunk.text for chunk in self.stream)
        return self.body if self.layout == "exact" else _laid_out(self.body, self.layout)


def request_key(api: str, request: dict[str, Any]) -> str:
    """Return what a normalised request is found by."""
    return content_hash([api, request])


def readable_body(text: str) -> tuple[Layout, str]:
    """Return the layout of a JSON body, and the body in a form that reads and compares well.

    The readable form is only used where the exact bytes can be made of it again.
    """
    try:
        readable = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except ValueError:
        return "exact", text
    for layout in _names():
        if _laid_out(readable, layout) == text:
            return layout, readable
    return "exact", text


def _names() -> Iterator[Layout]:
    yield from ("compact", "spaced", "ascii", "spaced-ascii")


def _laid_out(text: str, layout: str) -> str:
    return json.dumps(json.loads(text), **_LAYOUTS[layout])
