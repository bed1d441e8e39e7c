"""Handoffs: AutoGen's Swarm."""

from functools import reduce
from operator import or_

from autogen_agentchat.base import Handoff as HandoffTool
from autogen_agentchat.base import TaskResult, TerminationCondition
from autogen_agentchat.conditions import TextMessageTermination
from autogen_agentchat.messages import HandoffMessage, TextMessage
from autogen_agentchat.teams import Swarm
from autogen_core.models import AssistantMessage

from agentdyno.core.pattern import Handoff, pattern_agents
from agentdyno.runners._autogen_crew import Crew, Entered, Member
from agentdyno.runners._autogen_play import Heard, Play


class HandoffPlay(Play):
    """Swarm; the first text of an agent ends the user turn, and its agent stays active."""

    def __init__(self, crew: Crew, pattern: Handoff) -> None:
        super().__init__(crew)
        self._pattern = pattern
        self._names = pattern_agents(pattern)
        self._tools = {name: HandoffTool(target=name) for name in self._names}
        self._passed = 0
        says: list[TerminationCondition] = [
            TextMessageTermination(source=name) for name in self._names
        ]
        self.team = Swarm(
            [self._member(name) for name in self._names],
            termination_condition=reduce(or_, [*says, crew.limit()]),
            max_turns=pattern.max_handoffs + 1, custom_message_types=[Entered],
        )

    def hear(self, item: Heard) -> None:
        """Declare texts and handoffs."""
        if isinstance(item, HandoffMessage):
            self._passes(item)
        elif isinstance(item, TextMessage) and item.source in self._names:
            self.tell.said(item.source, item.content)
        elif isinstance(item, TextMessage):
            self._passed = 0

    def limit(self, result: TaskResult) -> str:
        """Return the limit of handoffs when one too many was asked for."""
        if not isinstance(result.messages[-1], HandoffMessage):
            return ""
        self.tell.step("stopped", "max_handoffs")
        return f"more than {self._pattern.max_handoffs} handoffs; Swarm: {result.stop_reason}"

    def _member(self, name: str) -> Member:
        targets = self._pattern.handoffs.get(name, ())
        return self.crew.member(name, handoffs=[self._tools[target] for target in targets])

    def _passes(self, message: HandoffMessage) -> None:
        """Declare a handoff, but for the one too many, which nobody takes."""
        for beside in message.context:
            self._beside(message.source, beside)
        self._passed += 1
        if self._passed <= self._pattern.max_handoffs:
            name = self._tools[message.target].name
            self.tell.step("handoff", name, agent=message.source, to=message.target)

    def _beside(self, source: str, message: object) -> None:
        """Declare the text that stood beside a handoff, which is all that others hear of it."""
        if isinstance(message, AssistantMessage):
            text = message.content if isinstance(message.content, str) else message.thought
            if text:
                self.tell.said(source, text)
