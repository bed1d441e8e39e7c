"""A manager whose workers are tools: AutoGen's AgentTool.

Not MagenticOneGroupChat: its orchestrator is no agent. It takes neither instructions nor tools nor
a turn limit, plans by ledgers in prompts of its own and writes the answer by one of them, so a
scenario's manager could not be given to it.
"""

import json

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import TextMessage, ToolCallExecutionEvent, ToolCallRequestEvent
from autogen_agentchat.tools import AgentTool
from autogen_core import FunctionCall

from agentdyno.core.pattern import Single, Supervisor
from agentdyno.runners._autogen_crew import Crew
from agentdyno.runners._autogen_play import Heard, Play


class SinglePlay(Play):
    """One AssistantAgent."""

    def __init__(self, crew: Crew, pattern: Single) -> None:
        super().__init__(crew)
        self.team: AssistantAgent = crew.member(pattern.agent)


class SupervisorPlay(Play):
    """An AssistantAgent with an AgentTool for each worker."""

    def __init__(self, crew: Crew, pattern: Supervisor) -> None:
        super().__init__(crew)
        self._pattern = pattern
        tools = [
            AgentTool(crew.member(name, works_for=pattern.manager)) for name in pattern.workers
        ]
        self.team: AssistantAgent = crew.member(pattern.manager, colleagues=tools)

    def hear(self, item: Heard) -> None:
        """Declare delegations and what came of them."""
        manager, workers = self._pattern.manager, self._pattern.workers
        if isinstance(item, TextMessage) and item.source == manager:
            self.tell.said(manager, item.content)
        elif isinstance(item, TextMessage) and item.source in workers:
            self.tell.said(item.source, item.content, (manager,))
        elif isinstance(item, ToolCallRequestEvent) and item.source == manager:
            for call in item.content:
                if call.name in workers:
                    self.tell.step("delegated", _task(call), agent=manager, to=call.name)
        elif isinstance(item, ToolCallExecutionEvent) and item.source == manager:
            for result in item.content:
                if result.name in workers:
                    self.tell.step("returned", "", agent=result.name, to=manager)


def _task(call: FunctionCall) -> str:
    """Return the task of a delegation; the arguments as they stand when they are no such JSON."""
    try:
        arguments = json.loads(call.arguments)
    except json.JSONDecodeError:
        return call.arguments
    task = arguments.get("task") if isinstance(arguments, dict) else None
    return task if isinstance(task, str) else call.arguments
