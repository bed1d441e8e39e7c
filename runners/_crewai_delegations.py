"""What passes between a hierarchical crew's manager and its workers.

CrewAI's hooks around tool calls are one list for the whole process, called in the thread and at the
moment of the call: each crew adds a pair that answers for itself alone, and takes it away again.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from crewai import Agent, Crew
from crewai.hooks import (
    ToolCallHookContext,
    register_after_tool_call_hook,
    register_before_tool_call_hook,
    unregister_after_tool_call_hook,
    unregister_before_tool_call_hook,
)
from crewai.utilities.i18n import I18N_DEFAULT

from agentdyno.runners._crewai_staff import Stage

_TASKS = {"delegate_work_to_coworker": "task", "ask_question_to_coworker": "question"}
"""The parameter that holds the task, by tool."""
_TOOL_FAILED = "Error executing tool"
"""How CrewAI begins what it tells a model of a tool that raised."""


@contextmanager
def delegations(
    crew: Crew, stage: Stage, manager: str, workers: Mapping[str, Agent]
) -> Iterator[None]:
    """Tell of each delegation of `crew` while the block lasts, and count each worker's turns anew.
    """

    def before(context: ToolCallHookContext) -> None:
        if worker := to_whom(context):
            stage.staff.begin(worker)
            stage.teller.step("delegated", _task(context), agent=manager, to=worker)

    def after(context: ToolCallHookContext) -> None:
        if worker := to_whom(context):
            text = str(context.tool_result)
            failed = _is_failure(text, workers[worker])
            if not failed:
                stage.teller.said(worker, text, (manager,))
            stage.teller.step("returned", text if failed else "", agent=worker, to=manager)

    def to_whom(context: ToolCallHookContext) -> str | None:
        if context.crew is not crew or context.agent is not crew.manager_agent:
            return None
        return _worker(context, workers)

    register_before_tool_call_hook(before)
    register_after_tool_call_hook(after)
    try:
        yield
    finally:
        unregister_before_tool_call_hook(before)
        unregister_after_tool_call_hook(after)


def _worker(context: ToolCallHookContext, workers: Mapping[str, Agent]) -> str | None:
    """Return whom CrewAI takes the call to be for; null when it is for nobody."""
    if context.tool_name not in _TASKS:
        return None
    named: Any = context.tool_input.get("coworker") or context.tool_input.get("co_worker")
    wanted = _plain(str(named or ""))
    return next((name for name, agent in workers.items() if _plain(agent.role) == wanted), None)


def _plain(role: str) -> str:
    """Spell a role as CrewAI compares it."""
    return " ".join(role.split()).replace('"', "").casefold()


def _task(context: ToolCallHookContext) -> str:
    return str(context.tool_input.get(_TASKS[context.tool_name], ""))


def _is_failure(text: str, worker: Agent) -> bool:
    told = I18N_DEFAULT.errors("agent_tool_execution_error")
    return text.startswith((told.format(agent_role=_plain(worker.role), error=""), _TOOL_FAILED))
