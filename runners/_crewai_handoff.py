"""Handoff in the CrewAI adapter: a tool whose result is the answer, and a router that reads it."""

from typing import Any

from crewai.flow.flow import listen, router, start
from crewai.tools import BaseTool
from pydantic import BaseModel, ConfigDict, Field

from agentdyno.core.pattern import Handoff, pattern_agents
from agentdyno.runners._crewai_flows import TeamFlow, Voice, flow_of
from agentdyno.runners._crewai_staff import PatternLimitReached, Stage


class _Word(BaseModel):
    message: str = Field(description="What your colleague must know of it.")


class Transfer(BaseTool):
    """Passes control; CrewAI ends the agent's work with its result."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    args_schema: type[BaseModel] = _Word
    result_as_answer: bool = True
    team: Any = Field(exclude=True)
    colleague: str

    def _run(self, message: str = "", **_: Any) -> str:
        self.team.passed = self.name, self.colleague, message
        return f"Passed to {self.colleague}. {message}".strip()


class _HandoffFlow(TeamFlow):
    @start()
    async def hear(self) -> None:
        """The user has spoken."""

    @router(hear)
    async def opening(self) -> str:
        return "next"

    @listen("next")
    async def work(self) -> None:
        await self.team.works()

    @router(work)
    async def passing(self) -> str:
        return "end" if self.team.passes() is None else "next"


class HandoffTeam:
    """Agents of whom one is active; who that is stays so from one user turn to the next."""

    def __init__(self, stage: Stage, pattern: Handoff) -> None:
        self._stage = stage
        self._pattern = pattern
        self._voices = {
            name: Voice(stage, name, *self._transfers(stage, name))
            for name in pattern_agents(pattern)
        }
        self._active = pattern.start
        self._times = 0
        self._text = ""
        self.passed: tuple[str, str, str] | None = None
        """Tool, colleague and message of the handoff that was just asked for."""

    async def ask(self, turn: str) -> str:
        """Return what the agent says that has control in the end."""
        self._times = 0
        self._hear(turn)
        await flow_of(_HandoffFlow, self, self._pattern.max_handoffs + 1)
        return self._text

    async def works(self) -> None:
        """Let the active agent answer, or pass control."""
        self.passed = None
        self._text = await self._voices[self._active].speaks()
        if self.passed is None:
            self._stage.teller.said(self._active, self._text)
            self._hear(self._text, self._active)

    def passes(self) -> str | None:
        """Return who gets control, null when nobody does.

        Raises:
            PatternLimitReached: control has passed as often as it may.
        """
        if self.passed is None:
            return None
        tool, to, message = self.passed
        if self._times == self._pattern.max_handoffs:
            self._stage.teller.step("stopped", "max_handoffs", agent=self._active)
            raise PatternLimitReached(
                f"control passed {self._times} times, which is max_handoffs, and"
                f" {self._active} wanted to pass it to {to}"
            )
        self._times += 1
        if message:
            self._stage.teller.said(self._active, message)
        self._hear(self._text, self._active)
        self._stage.teller.step("handoff", tool, agent=self._active, to=to)
        self._active = to
        return to

    def _hear(self, text: str, by: str = "") -> None:
        for name, voice in self._voices.items():
            if name != by:
                voice.hears(text, by)

    def _transfers(self, stage: Stage, name: str) -> list[Transfer]:
        return [
            Transfer(
                name=f"transfer_to_{to}", team=self, colleague=to,
                description=f"Pass the conversation to {to}, {stage.staff.role(to)}.",
            )
            for to in self._pattern.handoffs.get(name, ())
        ]
