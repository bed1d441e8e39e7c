"""The events of one scene, the team's work or the judging, and which of them belongs to which."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from agentdyno.core.event import (
    Approval,
    Event,
    Fault,
    MemoryAccess,
    ModelCall,
    ModelTry,
    ToolCall,
    ToolGap,
    WireRecord,
)
from agentdyno.core.trial import Trial
from agentdyno.experiments.traces.attributes import plain_attributes
from agentdyno.experiments.traces.cutter import Cutter
from agentdyno.experiments.traces.pairing import paired
from agentdyno.experiments.traces.spans import SpanKind, Value

Moment = tuple[float, str, dict[str, Value]]
"""Seconds, name and attributes of a span event."""


@dataclass(eq=False, kw_only=True)
class Draft:
    """A span whose ids and dates are not made yet; times are seconds from the trial's start."""

    key: str
    """Names it within its trace."""
    parent: str | None
    name: str
    kind: SpanKind
    started_s: float
    ended_s: float
    attributes: dict[str, Value] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)
    error: str | None = None


@dataclass(eq=False, kw_only=True)
class Scene:
    """Events that are told together."""

    events: Sequence[Event]
    wire: Sequence[WireRecord]
    trial: Trial
    root: str
    """Key of the span that everything is below."""
    seq: str
    """Attribute that says which of `events` is shown."""
    cutter: Cutter
    offset_s: float = 0.0
    """Seconds from the trial's start to the zero of `events`."""
    shown: set[int] = field(default_factory=set)
    """Indexes of the events that a span or a moment shows."""

    @cached_property
    def index(self) -> Mapping[int, int]:
        """Index of each event by its identity: equal events may stand in one trial."""
        return {id(event): at for at, event in enumerate(self.events)}

    @cached_property
    def paired(self) -> tuple[dict[int, WireRecord], tuple[WireRecord, ...]]:
        """Records by the index of their event, and those without one."""
        return paired(self.events, self.wire)

    @cached_property
    def below(self) -> Mapping[int, list[int]]:
        """Indexes of the events that are told with a call, by the index of the call."""
        calls = _Calls(self.events)
        found: defaultdict[int, list[int]] = defaultdict(list)
        for at, event in enumerate(self.events):
            call = calls.of(event)
            if call is not None:
                found[call].append(at)
        return found

    def at(self, event: Event) -> int:
        """Return the index of one of `events`, which is shown from now on."""
        at = self.index[id(event)]
        self.shown.add(at)
        return at

    def moment(self, at: int) -> Moment:
        """Return one of `events` as a moment of a span."""
        event = self.events[at]
        self.shown.add(at)
        attributes = plain_attributes(event, self.cutter) | {self.seq: at}
        return self.offset_s + event.started_s, f"agentdyno.{event.kind}", attributes

    def unshown(self) -> list[Moment]:
        """Return everything that is not shown yet, as moments of the scene's root."""
        return [self.moment(at) for at in range(len(self.events)) if at not in self.shown]


class _Calls:
    """Finds the call that an event is a part of."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self._by_ordinal: dict[tuple[str, str, int], int] = {}
        self._inside: defaultdict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
        for at, event in enumerate(events):
            if isinstance(event, ModelCall):
                self._by_ordinal["model", event.agent, event.ordinal] = at
            elif isinstance(event, ToolCall):
                self._by_ordinal["tool", event.agent, event.ordinal] = at
                self._inside[event.agent, event.server].append((event.started_s, at))
        for some in self._inside.values():
            some.sort()

    def of(self, event: Event) -> int | None:
        """Return the index of the call that `event` is a part of; null when it is of none."""
        match event:
            case ModelTry():
                return self._by_ordinal.get(("model", event.agent, event.ordinal))
            case Fault():
                return self._by_ordinal.get((event.channel, event.agent, event.ordinal))
            case Approval(decision="logged"):
                return self._by_ordinal.get(("tool", event.agent, event.ordinal))
            case MemoryAccess():
                return self._around(event, "memory")
            case ToolGap():
                return self._around(event, "gaps")
        return None

    def _around(self, event: Event, server: str) -> int | None:
        """Return the latest call of `server` that began before `event` and ended after it."""
        calls = self._inside[event.agent, server]
        for _, at in reversed(calls[: bisect_right(calls, event.started_s, key=lambda c: c[0])]):
            if event.ended_s <= self._events[at].ended_s:
                return at
        return None
