"""One agent of the CrewAI adapter, over the user's turns."""

from agentdyno.core.pattern import Single
from agentdyno.runners._crewai_flows import Voice
from agentdyno.runners._crewai_staff import Stage


class SingleAgent:
    """`Agent.kickoff_async`, given the messages of the user turns before."""

    def __init__(self, stage: Stage, pattern: Single) -> None:
        self._voice = Voice(stage, pattern.agent)

    async def ask(self, turn: str) -> str:
        """Return the agent's answer."""
        self._voice.hears(turn)
        return await self._voice.speaks()
