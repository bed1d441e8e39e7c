"""What the CrewAI adapter says of settings that CrewAI gives otherwise than they were asked for."""

from typing import Any

from agentdyno.core.pattern import Single
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Assignment, Setting
from agentdyno.runners import _crewai_versions as release
from agentdyno.runners._crewai_parts import CONTEXT_WINDOW
from agentdyno.runners.parity import parity_rows

_ROWS = (
    Setting(
        name="tool_schemas", requested="as the servers list them", effective="strict",
        note="CrewAI makes every property required and nullable, drops defaults, and writes names"
        " in snake_case; arguments are passed on as the model wrote them",
    ),
    Setting(
        name="context_window", requested=None, effective=CONTEXT_WINDOW,
        note="CrewAI takes 8192 for an alias, and pays model calls to stay below it",
    ),
    Setting(name="tool_cache", requested=False, effective=False, note="CrewAI's default is on"),
    Setting(
        name="text_beside_calls", requested="kept", effective="dropped",
        note="what a model says beside a tool call is in no later request",
    ),
    Setting(
        name="message_texts", requested="as given", effective="wrapped",
        note="CrewAI writes role and goal around the instructions and 'Current Task:' before what"
        " the user says, and strips both and earlier answers",
    ),
    Setting(
        name="empty_answers", requested="an answer", effective="an error",
        note="CrewAI ends the run with a ValueError",
    ),
    Setting(
        name="repeated_calls", requested="any number", effective=4,
        note="the same call with the same result for the fifth time ends the run with"
        " ToolExecutionFailedError",
    ),
)


def parity(assignment: Assignment) -> tuple[Setting, ...]:
    """Return requested and effective settings."""
    older = release.rows_of(single=isinstance(assignment.pattern, Single))
    return parity_rows(assignment, _deviations, _ROWS + older, as_shipped=release.AS_SHIPPED)


def _deviations(spec: AgentSpec) -> dict[str, tuple[Any, str]]:
    if spec.tool_choice == "auto":
        return {}
    return {"tool_choice": ("auto", "CrewAI's OpenAI client always asks for auto")}
