"""When an agent worked: from its first call to the text with which it ended, again and again."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from agentdyno.core.event import Approval, Event, Message, ModelCall, Step, ToolCall
from agentdyno.models.dialects import OUTPUT_TOOLS

Activity = ModelCall | ToolCall | Approval


@dataclass(eq=False, kw_only=True)
class Invocation:
    """One stretch of an agent's work."""

    agent: str
    number: int
    """Number among the agent's invocations, from 0."""
    events: list[Activity] = field(default_factory=list)
    said: list[Message | Step] = field(default_factory=list)
    """What the runner declares of the agent meanwhile, and just after."""
    closing: ModelCall | None = None
    """The call that answered with a text; null when the work was handed over or broke off."""

    @property
    def started_s(self) -> float:
        """Seconds from the trial's start to the first event."""
        return min(event.started_s for event in self.events)

    @property
    def ended_s(self) -> float:
        """Seconds from the trial's start to the end of the last event."""
        return max(event.ended_s for event in self.events)

    @property
    def calls(self) -> list[ModelCall]:
        """Calls for text."""
        return [e for e in self.events if isinstance(e, ModelCall) and e.api != "embeddings"]


def invocations(events: Sequence[Event]) -> tuple[Invocation, ...]:
    """Return the stretches of work of all agents, in the order in which they began.

    One ends with a text, and with a handoff. What begins before that text is there belongs to it:
    an agent may ask several things at once.
    """
    by_agent: defaultdict[str, list[Activity]] = defaultdict(list)
    said: defaultdict[str, list[Message | Step]] = defaultdict(list)
    handoffs: defaultdict[str, list[float]] = defaultdict(list)
    for event in events:
        if isinstance(event, ModelCall | ToolCall | Approval):
            by_agent[event.agent].append(event)
        elif isinstance(event, Message | Step):
            said[event.agent].append(event)
            if event.kind == "step" and event.action == "handoff":
                handoffs[event.agent].append(event.started_s)
    found: list[Invocation] = []
    for agent, does in by_agent.items():
        of_agent = list(_of(agent, does, handoffs[agent]))
        _give(said[agent], of_agent)
        found += of_agent
    return tuple(sorted(found, key=lambda one: one.started_s))


def _give(said: Sequence[Message | Step], to: Sequence[Invocation]) -> None:
    """Give each declaration to the last stretch of work that had begun; earlier ones to none."""
    starts = [one.started_s for one in to]
    for event in said:
        at = bisect_right(starts, event.started_s)
        if at:
            to[at - 1].said.append(event)


def _of(
    agent: str, does: Sequence[Activity], handoffs: Sequence[float]
) -> Iterator[Invocation]:
    now: Invocation | None = None
    number, last_s = 0, 0.0
    for event in sorted(does, key=lambda event: event.started_s):
        if now is not None and _is_over(now, event, last_s, handoffs):
            yield now
            now = None
        if now is None:
            now, number = Invocation(agent=agent, number=number), number + 1
        now.events.append(event)
        if isinstance(event, ModelCall):
            last_s = event.started_s
            if _is_text(event):
                now.closing = event
    if now is not None:
        yield now


def _is_over(
    now: Invocation, event: Activity, last_s: float, handoffs: Sequence[float]
) -> bool:
    if now.closing is not None and event.started_s >= now.closing.ended_s:
        return True
    return isinstance(event, ModelCall) and any(
        last_s < handed_s <= event.started_s for handed_s in handoffs
    )


def _is_text(call: ModelCall) -> bool:
    """Tell whether a call ended the agent's work: structured answers are calls of a tool too."""
    return call.api != "embeddings" and call.error is None and all(
        OUTPUT_TOOLS.match(name) for name in call.tools_called
    )
