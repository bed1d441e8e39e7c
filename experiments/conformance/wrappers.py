"""What stands around the scripted model of a case, to see what the wire alone does not show."""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence

from agentdyno.core.event import Message, Step
from agentdyno.models.conversation import Reply
from agentdyno.models.upstream import Answered, ModelRequest, Upstream

MEETING_S = 3.0
"""Seconds that agents who should work side by side have to come together."""
TELLING_S = 1.0
"""Seconds that a runner has to declare a text before it is late."""


class Meeting:
    """A model that answers nobody's first call before all of `agents` have asked for theirs.

    It gives up after a while: then they do not work side by side.
    """

    def __init__(self, upstream: Upstream, agents: Sequence[str]) -> None:
        self._upstream = upstream
        self.absent = set(agents)
        """Agents who have not begun while the others waited for them."""
        self._over = asyncio.Event()

    async def answer(self, request: ModelRequest) -> Answered:
        """Answer when everybody is there."""
        if request.agent in self.absent and not self._over.is_set():
            self.absent.remove(request.agent)
            if not self.absent:
                self._over.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), MEETING_S)
            self._over.set()
        return await self._upstream.answer(request)


class Listener:
    """A model that answers an agent when all that its colleagues said has been declared.

    It gives up on a text after a while: then it is declared too late.
    """

    def __init__(self, upstream: Upstream, texts: Iterable[tuple[str, str]]) -> None:
        """`texts` are those that count, with who says them."""
        self._upstream = upstream
        self._awaited = frozenset(texts)
        self._due: dict[tuple[str, str], asyncio.Event] = {}
        self.late: list[tuple[str, str]] = []
        """Texts that were declared late or never, with who said them."""

    def heard(self, event: Message | Step) -> None:
        """Take note of what the runner declares."""
        if isinstance(event, Message) and (event.agent, event.text) in self._due:
            self._due[event.agent, event.text].set()

    async def answer(self, request: ModelRequest) -> Answered:
        """Answer when everybody else was heard."""
        for (agent, text), told in tuple(self._due.items()):
            if agent == request.agent:
                continue
            try:
                await asyncio.wait_for(told.wait(), TELLING_S)
            except TimeoutError:
                self.late.append((agent, text))
            self._due.pop((agent, text), None)
        answered = await self._upstream.answer(request)
        if isinstance(answered, Reply) and (request.agent, answered.text) in self._awaited:
            self._due[request.agent, answered.text] = asyncio.Event()
        return answered
