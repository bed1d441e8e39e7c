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
        self._texts: dict[str, str] = {}
        """Last text by module."""
        self._spoke = ""
        """Module whose agent wrote last."""

    def __call__(self, happening: Happening) -> None:
        """Declare what happened, where it is about an agent, a round or a stop."""
        agents = self._plan.agents
        if happening.id in self._plan.silent:
            return
        match happening:
            case Entered(id=step, kind=kind) if step in agents:
                self._entered(agents[step], f"{kind}:{step}")
            case Iterating(id=loop, index=index):
                self._teller.step("round", f"whileloopflow:{loop}", round=index + 1)
            case Wrote(id=step, text=text):
                self._texts[step], self._spoke = text, step
                agent = agents[step]
                self._teller.said(agent, text, self._plan.hears.get(agent, ()))
            case Called(id=step, tool=tool, message=message):
                self._teller.step("delegated", message, agent=agents[step], to=agents[tool])
            case Returned(id=step, tool=tool, error=error):
                self._teller.step("returned", error, agent=agents[tool], to=agents[step])
            case Stopped(id=step):
                self._stopped(step)

    def _entered(self, agent: str, name: str) -> None:
        chooser = self._plan.chosen_by
        if chooser:
            self._teller.step("selected", name, agent=chooser, to=agent)
        self._teller.step("node", name, agent=agent)

    def _stopped(self, step: str) -> None:
        ending = self._plan.ends.get(step)
        if ending is None:
            return
        speaker = ending.step or self._spoke
        name = ending.name(self._plan.agents[speaker], self._texts[speaker])
        if name:
            self._teller.step("stopped", name)
