"""Reflection in the CrewAI adapter: a flow as CrewAI writes it, with a router after the critic."""

from crewai.flow.flow import listen, router, start

from agentdyno.core.pattern import Reflection
from agentdyno.runners._crewai_flows import TeamFlow, Voice, flow_of
from agentdyno.runners._crewai_staff import Stage


class _ReflectionFlow(TeamFlow):
    @start()
    async def hear(self) -> None:
        """The user has spoken."""

    @router(hear)
    async def opening(self) -> str:
        return "write"

    @listen("write")
    async def draft(self) -> None:
        await self.team.writes()

    @listen(draft)
    async def judge(self) -> str:
        return str(await self.team.criticises())

    @router(judge)
    async def verdict(self, criticism: str) -> str:
        return "end" if self.team.is_over(criticism) else "write"


class ReflectionTeam:
    """A writer and a critic who hear each other."""

    def __init__(self, stage: Stage, pattern: Reflection) -> None:
        self._stage = stage
        self._pattern = pattern
        self._writer = Voice(stage, pattern.writer)
        self._critic = Voice(stage, pattern.critic)
        self._round = 0
        self._text = ""

    async def ask(self, turn: str) -> str:
        """Return the writer's last text."""
        self._round = 0
        self._writer.hears(turn)
        self._critic.hears(turn)
        await flow_of(_ReflectionFlow, self, self._pattern.max_rounds)
        return self._text

    async def writes(self) -> None:
        """Begin a round with a text of the writer."""
        self._round += 1
        writer, critic = self._pattern.writer, self._pattern.critic
        self._stage.teller.step("round", "write", agent=writer, round=self._round)
        self._text = await self._writer.speaks()
        self._stage.teller.said(writer, self._text, (critic,))
        self._critic.hears(self._text, by=writer)

    async def criticises(self) -> str:
        """Return what the critic says of the text."""
        writer, critic = self._pattern.writer, self._pattern.critic
        text = await self._critic.speaks()
        self._stage.teller.said(critic, text, (writer,))
        self._writer.hears(text, by=critic)
        return text

    def is_over(self, criticism: str) -> bool:
        """Return whether the critic approves or the rounds are used up, and say which."""
        if self._pattern.approval in criticism:
            self._stage.teller.step("stopped", "approval")
            return True
        if self._round >= self._pattern.max_rounds:
            self._stage.teller.step("stopped", "max_rounds")
            return True
        return False
