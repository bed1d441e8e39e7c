"""What the CrewAI adapter says of settings that CrewAI gives otherwise than they were asked for."""

from typing import Any

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

_HEARD = Setting(
    name="texts_of_others", requested="signed", effective="user messages 'NAME: text'",
    note="CrewAI's agents know no other speakers than user and assistant; the last message is"
    " wrapped as the 'Current Task:'",
)
_BY_PATTERN: dict[str, tuple[Setting, ...]] = {
    "pipeline": (
        Setting(
            name="texts_of_others", requested="signed", effective="unsigned",
            note="CrewAI joins the texts of all tasks before into one context, divided by dashes",
        ),
    ),
    "round_robin": (_HEARD,),
    "selector": (
        _HEARD,
        Setting(
            name="selection_prompt", requested=None, effective="the adapter's own",
            note="CrewAI has no selector: an agent is asked for a name, 3 times at most, by a text"
            " with the conversation, the names and the roles",
        ),
    ),
    "supervisor": (
        Setting(
            name="delegation", requested="task", effective="task and context",
            note="by CrewAI's tools delegate_work_to_coworker and ask_question_to_coworker, which"
            " name workers by their roles; a worker keeps nothing of an earlier task",
        ),
        Setting(
            name="delegations_at_once", requested="any number", effective="one for each worker",
            note="CrewAI works on all calls of a turn at once, and an agent that is at work refuses"
            " a second task",
        ),
    ),
    "handoff": (
        _HEARD,
        Setting(
            name="handoff_tool", requested="transfer_to_NAME", effective="transfer_to_NAME",
            note="the adapter's own, since CrewAI has none: its argument `message` is what the"
            " others hear, for CrewAI drops text beside a call",
        ),
    ),
    "reflection": (_HEARD,),
    "parallel": (
        Setting(
            name="texts_of_others", requested="signed", effective="unsigned",
            note="CrewAI joins the texts into one context, divided by dashes; the synthesizer's"
            " task tells whose they are, in which order",
        ),
    ),
    "dag": (_HEARD,),
}


def parity(assignment: Assignment) -> tuple[Setting, ...]:
    """Return requested and effective settings."""
    pattern = assignment.pattern.type
    team = (*_ROWS, *_BY_PATTERN.get(pattern, ()), *release.rows_of(pattern))
    return parity_rows(assignment, _deviations, team, as_shipped=release.AS_SHIPPED)


def _deviations(spec: AgentSpec) -> dict[str, tuple[Any, str]]:
    if spec.tool_choice == "auto":
        return {}
    return {"tool_choice": ("auto", "CrewAI's OpenAI client always asks for auto")}
