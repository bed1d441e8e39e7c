"""What the flows of the CrewAI adapter are made of: a base class, and agents with a memory.

Every way through a flow goes by labels that routers return. `or_` would do for less: a listener of
several events fires once until it is armed again, and alternatives race, which drops errors.
"""

from collections.abc import Mapping
from typing import Any

from crewai.flow.flow import Flow
from pydantic import Field

from agentdyno.runners import _crewai_versions as release
from agentdyno.runners._crewai_staff import Stage

_GO_ON = "Go on."
"""CrewAI's agents answer a request; this is one for who is to speak after himself."""


class TeamFlow(Flow):  # type: ignore[type-arg]
    """A flow that plays one user turn of a team.

    CrewAI gives each flow a memory of its own unless told otherwise, as its own agents' flows do:
    nobody asks it anything here, and to make it takes seconds and a folder on the disk.
    """

    _skip_auto_memory: bool = True
    team: Any = Field(default=None, exclude=True)
    """Who works; what a flow keeps as its state is copied at every method."""


async def flow_of(kind: type[TeamFlow], team: Any, rounds: int) -> None:
    """Play `kind` once; no method of it is called more often than `rounds` times.

    Raises:
        RecursionError: one was.
    """
    await kind(team=team, tracing=False, max_method_calls=rounds).kickoff_async()


class Voice:
    """An agent that keeps what it heard and did from one time it speaks to the next."""

    def __init__(self, stage: Stage, name: str, *more: Any) -> None:
        self._stage = stage
        self._name = name
        self._agent = stage.staff.hire(name, *more)
        self._before: list[Any] = []
        self._heard: list[tuple[str, str]] = []

    def hears(self, text: str, by: str = "") -> None:
        """Put what the user or colleague `by` said before the agent, for when it speaks next."""
        self._heard.append((by, f"{by}: {text}" if by else text))

    def puts_in_order(self, since: int, rank: Mapping[str, int]) -> None:
        """Sort what was heard after the first `since` texts by its authors, who had no order."""
        self._heard[since:] = sorted(self._heard[since:], key=lambda heard: rank.get(heard[0], 0))

    @property
    def heard(self) -> int:
        """How many texts the agent has not answered yet."""
        return len(self._heard)

    async def speaks(self) -> str:
        """Return the agent's answer to what it heard since it last spoke."""
        heard, self._heard = self._heard or [("", _GO_ON)], []
        messages: list[Any] = [{"role": "user", "content": text} for _, text in heard]
        before, request = [*self._before, *messages[:-1]], messages[-1]
        self._stage.staff.begin(self._name)
        output = await self._agent.kickoff_async([*before, request])
        self._before = _paired(release.carried(before, request, output))
        return str(output.raw)


def _paired(messages: list[Any]) -> list[Any]:
    """Drop the calls that were never made: an answer that is a tool's result cuts them off."""
    made = {message.get("tool_call_id") for message in messages}
    return [
        message if not message.get("tool_calls") else {
            **message,
            "tool_calls": [call for call in message["tool_calls"] if call["id"] in made],
        }
        for message in messages
    ]
