"""A trial that never ends, for servers that are measured."""

from agentdyno.core.event import Event
from agentdyno.core.sink import Sink
from agentdyno.core.spec import Limits

LIMITS = Limits(timeout_s=3600, max_model_calls=10**9, max_tool_calls=10**9)

KEPT = 100


class ShortSink(Sink):
    """A trial ends and is stored; this one does not, so it forgets instead."""

    def record(self, event: Event) -> None:
        if len(self.events) >= KEPT:
            self.events.clear()
            self.wire.clear()
        super().record(event)
