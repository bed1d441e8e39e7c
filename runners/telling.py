"""How an adapter declares who spoke to whom. The harness stamps the time: a worker does not know
the trial's zero."""

from agentdyno.core.event import Message, Step, StepAction
from agentdyno.runners.base import Emit


class Teller:
    """Says in the nouns of the house what a framework's hook tells."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit

    def said(self, agent: str, text: str, to: tuple[str, ...] = ()) -> None:
        """Declare a text that `agent` produced for `to`, or for the whole team."""
        self._emit(Message(agent=agent, started_s=0.0, ended_s=0.0, text=text, to=to))

    def step(
        self, action: StepAction, name: str, *, agent: str = "", to: str = "",
        round: int | None = None,
    ) -> None:
        """Declare a stage of the team's work; see `Step` for what the actions mean."""
        self._emit(Step(
            agent=agent, started_s=0.0, ended_s=0.0, action=action, name=name, to=to, round=round,
        ))
