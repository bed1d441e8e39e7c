"""Group chats of AutoGen: round robin, selector, and the chat of two that is a reflection."""

import inspect
import re
from collections.abc import Sequence

from autogen_agentchat.base import TaskResult, TerminationCondition
from autogen_agentchat.conditions import TextMentionTermination
from autogen_agentchat.messages import (
    BaseAgentEvent,
    BaseChatMessage,
    SelectorEvent,
    SelectSpeakerEvent,
    StopMessage,
    TextMessage,
)
from autogen_agentchat.teams import RoundRobinGroupChat, SelectorGroupChat
from autogen_core.models import RequestUsage

from agentdyno.core.pattern import Reflection, RoundRobin, Selector
from agentdyno.runners._autogen_crew import Crew, Entered
from agentdyno.runners._autogen_play import Heard, Play, texts_of

ATTEMPTS = 3
"""How often a SelectorGroupChat asks before it takes the previous or the first speaker."""
_OWN_PROMPT = inspect.signature(SelectorGroupChat.__init__).parameters["selector_prompt"].default


class SaidText(TextMentionTermination):
    """Looks at what agents said, not at the tool calls and results in between."""

    async def __call__(
        self, messages: Sequence[BaseAgentEvent | BaseChatMessage]
    ) -> StopMessage | None:
        """Return why the chat ends, or null."""
        return await super().__call__([m for m in messages if isinstance(m, TextMessage)])


class Chat(Play):
    """Everybody hears everybody until somebody says the word."""

    def __init__(self, crew: Crew, pattern: RoundRobin | Selector) -> None:
        super().__init__(crew)
        self._pattern: RoundRobin | Selector = pattern
        stop = SaidText(pattern.stop.text, sources=pattern.stop.by or pattern.agents)
        self.end: TerminationCondition = stop | crew.limit()
        self.members = [crew.member(name) for name in pattern.agents]

    def hear(self, item: Heard) -> None:
        """Declare what was said."""
        if isinstance(item, TextMessage) and item.source in self._pattern.agents:
            self.tell.said(item.source, item.content)

    def answer(self, result: TaskResult) -> str:
        """Return the last message."""
        said = "text" if _mentioned(result) else "max_messages"
        self.tell.step("stopped", said)
        return super().answer(result)


class RoundRobinPlay(Chat):
    """RoundRobinGroupChat."""

    def __init__(self, crew: Crew, pattern: RoundRobin) -> None:
        super().__init__(crew, pattern)
        self.team = RoundRobinGroupChat(
            [*self.members], termination_condition=self.end, max_turns=pattern.max_messages,
            custom_message_types=[Entered],
        )


class SelectorPlay(Chat):
    """SelectorGroupChat; the choosing calls go to the selector's own endpoint."""

    def __init__(self, crew: Crew, pattern: Selector) -> None:
        super().__init__(crew, pattern)
        self._pattern: Selector = pattern
        self._last = ""
        spec = crew.assignment.agent(pattern.selector)
        self._client = crew.client(pattern.selector, tools=False)
        self.team = SelectorGroupChat(
            [*self.members], self._client, termination_condition=self.end,
            max_turns=pattern.max_messages, selector_prompt=_prompt(spec.instructions),
            allow_repeated_speaker=pattern.allow_repeated_speaker,
            max_selector_attempts=min(ATTEMPTS, spec.max_turns),
            model_client_streaming=crew.assignment.stream, emit_team_events=True,
            custom_message_types=[Entered],
        )

    def hear(self, item: Heard) -> None:
        """Declare who was chosen, and what was said."""
        if isinstance(item, SelectSpeakerEvent):
            self._chosen(item)
        elif isinstance(item, SelectorEvent):
            self._client.word = item.content
        super().hear(item)

    def _chosen(self, item: SelectSpeakerEvent) -> None:
        """Declare a choice; one that is AutoGen's own, after three in vain, as that."""
        (speaker,) = item.content
        word, self._client.word = self._client.word, None
        repeats = speaker == self._last and not self._pattern.allow_repeated_speaker
        vain = word is not None and (repeats or self._named(word) != [speaker])
        name: str = item.type
        if vain:
            name += f": nobody who may speak was named, AutoGen takes {speaker}"
        self.tell.step("selected", name, agent=self._pattern.selector, to=speaker)
        self._last = speaker

    def _named(self, word: str) -> list[str]:
        """Return who is named in `word`, as AutoGen reads names."""
        def pattern(name: str) -> str:
            spelled = (name, name.replace("_", " "), name.replace("_", r"\_"))
            return rf"(?<=\W)(?:{'|'.join(map(re.escape, spelled))})(?=\W)"

        return [name for name in self._pattern.agents if re.search(pattern(name), f" {word} ")]

    @property
    def unseen(self) -> RequestUsage:
        """Tokens of the selector, whose calls are in no message."""
        return self._client.total_usage()


class ReflectionPlay(Play):
    """RoundRobinGroupChat of writer and critic."""

    def __init__(self, crew: Crew, pattern: Reflection) -> None:
        super().__init__(crew)
        self._pattern = pattern
        self._round = 0
        approved = SaidText(pattern.approval, sources=[pattern.critic])
        self.team = RoundRobinGroupChat(
            [crew.member(pattern.writer), crew.member(pattern.critic)],
            termination_condition=approved | crew.limit(), max_turns=2 * pattern.max_rounds,
            custom_message_types=[Entered],
        )

    def hear(self, item: Heard) -> None:
        """Declare rounds, texts and what the critic says of them."""
        writer, critic = self._pattern.writer, self._pattern.critic
        if isinstance(item, Entered) and item.source == writer:
            self._round += 1
            self.tell.step("round", "round", round=self._round)
        if isinstance(item, TextMessage) and item.source in (writer, critic):
            other = critic if item.source == writer else writer
            self.tell.said(item.source, item.content, (other,))

    def answer(self, result: TaskResult) -> str:
        """Return the writer's last text."""
        self.tell.step("stopped", "approval" if _mentioned(result) else "max_rounds")
        return texts_of(result, self._pattern.writer)[-1].content


def _mentioned(result: TaskResult) -> bool:
    """Whether a text ended the chat; the reason is the condition's or the team's own words."""
    return "mentioned" in (result.stop_reason or "")


def _prompt(instructions: str) -> str:
    """Return the selection prompt: the selector's instructions, then AutoGen's own template."""
    literal = instructions.replace("{", "{{").replace("}", "}}")
    return f"{literal}\n\n{_OWN_PROMPT}"
