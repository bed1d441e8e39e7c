"""A team at work: what a pattern's module makes of a crew, and the driver drives."""

from typing import Any

from autogen_agentchat.base import TaskResult
from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage, TextMessage
from autogen_core.models import RequestUsage

from agentdyno.runners._autogen_crew import Crew

Heard = BaseAgentEvent | BaseChatMessage


class Play:
    """One team of one trial, and what its messages mean."""

    team: Any
    """What has `run_stream`: an agent or a group chat."""

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self.tell = crew.tell

    def hear(self, item: Heard) -> None:
        """Declare what `item` says of the team's work."""

    def limit(self, result: TaskResult) -> str:
        """Return which limit of the team ended the user turn; "" for none."""
        return ""

    def answer(self, result: TaskResult) -> str:
        """Return the answer to the user turn, and declare what ended it."""
        return texts_of(result)[-1].content

    @property
    def unseen(self) -> RequestUsage | None:
        """Tokens of calls that are in no message; null when every call is in one."""
        return None


def texts_of(result: TaskResult, source: str = "") -> list[TextMessage]:
    """Return the texts of agents, oldest first; of the agent `source` only when given."""
    return [
        message for message in result.messages
        if isinstance(message, TextMessage) and message.source != "user"
        and (not source or message.source == source)
    ]
