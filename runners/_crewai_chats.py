"""Group chats of the CrewAI adapter: round_robin and selector, each a flow whose router ends it."""

import re
from collections.abc import Iterable

from crewai.flow.flow import listen, router, start

from agentdyno.core.pattern import RoundRobin, Selector
from agentdyno.runners._crewai_flows import TeamFlow, Voice, flow_of
from agentdyno.runners._crewai_staff import Stage

_ATTEMPTS = 3
_ASK = """\
{conversation}

Select the next speaker among: {names}.
{roles}
Read the conversation above. Only return the name of the speaker, and nothing else."""
_ASK_AGAIN = """

You answered {answer!r}, which names none of them, or several. Only return one of: {names}."""


class NobodySelected(Exception):
    """The selecting model named nobody who may speak."""


class _Table:
    """Everybody hears everybody, until a text or the number of messages ends it."""

    def __init__(self, stage: Stage, pattern: RoundRobin | Selector) -> None:
        self._stage = stage
        self._pattern = pattern
        self._voices = {name: Voice(stage, name) for name in pattern.agents}
        self.said: list[tuple[str, str]] = []
        """Agents and their texts, since the user spoke."""

    def opens(self, turn: str) -> None:
        """Let everybody hear the user."""
        self.said = []
        for voice in self._voices.values():
            voice.hears(turn)

    async def gives_floor(self, name: str) -> None:
        """Let `name` speak, and everybody else hear it."""
        text = await self._voices[name].speaks()
        self.said.append((name, text))
        self._stage.teller.said(name, text)
        for other, voice in self._voices.items():
            if other != name:
                voice.hears(text, by=name)

    def is_over(self) -> bool:
        """Return whether the conversation is at its end, and say by what."""
        name, text = self.said[-1]
        stop = self._pattern.stop
        by = ""
        if stop.text in text and (not stop.by or name in stop.by):
            by = "text"
        elif len(self.said) >= self._pattern.max_messages:
            by = "max_messages"
        if by:
            self._stage.teller.step("stopped", by)
        return bool(by)


class _RoundRobinFlow(TeamFlow):
    @start()
    async def hear(self) -> None:
        """The user has spoken."""

    @router(hear)
    async def opening(self) -> str:
        return "next"

    @listen("next")
    async def speak(self) -> None:
        await self.team.next_speaks()

    @router(speak)
    async def closing(self) -> str:
        return "end" if self.team.table.is_over() else "next"


class RoundRobinChat:
    """A flow that gives the floor to one after the other."""

    def __init__(self, stage: Stage, pattern: RoundRobin) -> None:
        self._pattern = pattern
        self.table = _Table(stage, pattern)

    async def ask(self, turn: str) -> str:
        """Return the last message of the conversation."""
        self.table.opens(turn)
        await flow_of(_RoundRobinFlow, self, self._pattern.max_messages)
        return self.table.said[-1][1]

    async def next_speaks(self) -> None:
        """Give the floor to whose turn it is."""
        agents = self._pattern.agents
        await self.table.gives_floor(agents[len(self.table.said) % len(agents)])


class _SelectorFlow(TeamFlow):
    @start()
    async def hear(self) -> None:
        """The user has spoken."""

    @router(hear)
    async def opening(self) -> str:
        return "choose"

    @listen("choose")
    async def select(self) -> str:
        return str(await self.team.selected())

    @listen(select)
    async def speak(self, speaker: str) -> None:
        await self.team.table.gives_floor(speaker)

    @router(speak)
    async def closing(self) -> str:
        return "end" if self.team.table.is_over() else "choose"


class SelectorChat:
    """A flow in which an agent of its own names who speaks next."""

    def __init__(self, stage: Stage, pattern: Selector) -> None:
        self._stage = stage
        self._pattern = pattern
        self._selector = stage.staff.hire(pattern.selector)
        self._turn = ""
        self.table = _Table(stage, pattern)

    async def ask(self, turn: str) -> str:
        """Return the last message of the conversation."""
        self._turn = turn
        self.table.opens(turn)
        await flow_of(_SelectorFlow, self, self._pattern.max_messages)
        return self.table.said[-1][1]

    async def selected(self) -> str:
        """Return who speaks next.

        Raises:
            NobodySelected: the model was asked three times, and named nobody.
        """
        question = asked = self._question()
        for _ in range(_ATTEMPTS):
            answer = await self._answer(asked)
            found = _named(answer, self._candidates())
            if found is not None:
                self._stage.teller.step(
                    "selected", answer, agent=self._pattern.selector, to=found
                )
                return found
            names = ", ".join(self._candidates())
            asked = question + _ASK_AGAIN.format(answer=answer, names=names)
        raise NobodySelected(
            f"{self._pattern.selector} was asked {_ATTEMPTS} times who of"
            f" {', '.join(self._candidates())} speaks next, and answered {answer!r}"
        )

    async def _answer(self, question: str) -> str:
        self._stage.staff.begin(self._pattern.selector)
        output = await self._selector.kickoff_async(question)
        return str(output.raw).strip()

    def _candidates(self) -> tuple[str, ...]:
        last = self.table.said[-1][0] if self.table.said else None
        free = self._pattern.allow_repeated_speaker
        return tuple(name for name in self._pattern.agents if free or name != last)

    def _question(self) -> str:
        texts = [f"{name}: {text}" for name, text in (("user", self._turn), *self.table.said)]
        names = self._candidates()
        return _ASK.format(
            conversation="\n\n".join(texts), names=", ".join(names),
            roles="\n".join(f"{name}: {self._stage.staff.role(name)}" for name in names),
        )


def _named(answer: str, candidates: Iterable[str]) -> str | None:
    """Return the only candidate whose name stands in `answer`; null when none or several do."""
    found = [name for name in candidates if re.search(rf"\b{re.escape(name)}\b", answer)]
    return found[0] if len(found) == 1 else None
