"""What the engine's observer tells, in the nouns of the house."""

from agentdyno.runners.base import Emit
from agentdyno.runners.openflow.generate_parts import TeamFlow
from agentdyno.runners.openflow.happenings import (
    Called,
    Entered,
    Happening,
    Iterating,
    Returned,
    Stopped,
    Wrote,
)
from agentdyno.runners.telling import Teller


class Watcher:
    """Watches the runs of one trial's flow."""

    def __init__(self, emit: Emit, plan: TeamFlow) -> None:
        self._teller = Teller(emit)
        self._plan = plan
        self._last: dict[str, str] = {}
        """Last text by module."""

    def __call__(self, happening: Happening) -> None:
        """Declare what happened, where it is about an agent, a round or a stop."""
        agents = self._plan.agents
        match happening:
            case Entered(id=step, kind=kind) if step in agents:
                self._teller.step("node", f"{kind}:{step}", agent=agents[step])
            case Iterating(id=loop, index=index):
                self._teller.step("round", f"whileloopflow:{loop}", round=index + 1)
            case Wrote(id=step, text=text):
                self._last[step] = text
                agent = agents[step]
                self._teller.said(agent, text, self._plan.hears.get(agent, ()))
            case Called(id=step, tool=tool, message=message):
                self._teller.step("delegated", message, agent=agents[step], to=agents[tool])
            case Returned(id=step, tool=tool, error=error):
                self._teller.step("returned", error, agent=agents[tool], to=agents[step])
            case Stopped(id=step):
                self._stopped(step)

    def _stopped(self, step: str) -> None:
        ending = self._plan.ends.get(step)
        name = ending.name(self._last[ending.step]) if ending else ""
        if name:
            self._teller.step("stopped", name)
