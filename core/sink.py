"""The event sink of one running trial: the gateways write to it, nothing reads it until the end."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal

from agentdyno.core.approval import ApprovalRequest
from agentdyno.core.event import Event, WireRecord
from agentdyno.core.spec import Limits
from agentdyno.core.trial import USER_SIMULATOR, Outcome
from agentdyno.core.waiting import WaitingClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A piece of a model's answer as it streams by; never stored."""

    agent: str
    text: str
    """The next characters of the answer's text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted:
    """A tool call begins; its `ToolCall` event follows when it ends. Never stored."""

    agent: str
    server: str
    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalAsked:
    """A tool call begins to wait; its `Approval` event follows when it ends. Never stored."""

    agent: str
    request: ApprovalRequest


Watch = Callable[[Event | Delta | ToolStarted | ApprovalAsked], None]
"""Sees what happens in a trial while it happens (`run --watch`)."""


@dataclass(eq=False, kw_only=True)
class Sink:
    """Collects events and raw exchanges; holds the token and the reason to stop."""

    trial_id: str
    token: str = field(repr=False)
    limits: Limits = field(default_factory=Limits)
    seed: int = 0
    """Seed of the trial, for seeded chance in the scripted model."""
    zero: float = field(default_factory=time.perf_counter)
    events: list[Event] = field(default_factory=list)
    wire: list[WireRecord] = field(default_factory=list)
    stop: tuple[Outcome, str] | None = None
    """First outcome that an instrument decided, with its reason; null while the trial may go on."""
    clock: WaitingClock = field(default_factory=WaitingClock)
    """Counts what the trial waits for approvals."""
    watch: Watch | None = None
    """Null when nobody looks: then nothing is made for looking at."""
    _ordinals: Counter[tuple[str, str]] = field(default_factory=Counter)

    def now(self) -> float:
        """Return seconds since the trial's start."""
        return time.perf_counter() - self.zero

    def waiting(self) -> AbstractContextManager[None]:
        """Return a block whose time is waiting for an approval."""
        return self.clock.waiting()

    @property
    def waited_s(self) -> float:
        """Wall seconds in which at least one call waited for approval."""
        return self.clock.seconds

    def worked_s(self) -> float:
        """Return seconds since the trial's start, without what was waited for approvals."""
        return self.now() - self.waited_s

    def rezero(self) -> None:
        """Start the trial's clock now: opening the gateways is the harness's own time."""
        self.zero = time.perf_counter()

    def ordinal(self, channel: Literal["model", "tool"], agent: str) -> int:
        """Return the next number of `agent`'s calls on `channel`, from 0."""
        number = self._ordinals[channel, agent]
        self._ordinals[channel, agent] += 1
        return number

    def calls(self, channel: Literal["model", "tool"]) -> int:
        """Return how many calls the team has made on `channel`; a simulated user is none of it."""
        return sum(
            n for (kind, agent), n in self._ordinals.items()
            if kind == channel and agent != USER_SIMULATOR
        )

    def record(self, event: Event) -> None:
        """Keep one event."""
        self.events.append(event)
        if self.watch is not None:
            self.watch(event)

    def exchange(
        self, channel: Literal["model", "tool"], agent: str, started_s: float,
        request: str, response: str,
    ) -> None:
        """Keep the raw bytes of one exchange."""
        self.wire.append(WireRecord(
            seq=len(self.wire), channel=channel, agent=agent, started_s=started_s,
            request=request, response=response,
        ))

    def end(self, outcome: Outcome, reason: str) -> None:
        """Decide the outcome; the first decision stands."""
        if self.stop is None:
            self.stop = (outcome, reason)
