"""What the windmill adapter is asked for and what its agents really get, beyond their settings."""

from agentdyno.core.trial import Assignment, Setting

_ALWAYS = (
    Setting(
        name="message_texts", requested="as given", effective="instructions stripped",
        note="white space around the system prompt is dropped",
    ),
    Setting(
        name="empty_answers", requested="kept", effective="left out",
        note="a later request does not show an empty answer, so two user turns stand together",
    ),
)
_HEARD = Setting(
    name="texts_of_others", requested="signed", effective="'What NAME wrote:' in one user message",
    note="a transform of the flow writes it; a step knows no speakers but user and assistant",
)
_BY_PATTERN: dict[str, tuple[Setting, ...]] = {
    "pipeline": (_HEARD,),
    "round_robin": (_HEARD,),
    "selector": (
        _HEARD,
        Setting(
            name="selection_prompt", requested=None, effective="the flow's own",
            note="OpenFlow has no selector: an aiagent step is asked for a name, thrice at most, by"
            " a text with what was said since, and who may be named; with the roles at first",
        ),
    ),
    "supervisor": (
        Setting(
            name="delegation", requested="task", effective="the text `user_message`",
            note="a nested agent has no other parameter, and keeps nothing of an earlier task",
        ),
    ),
    "reflection": (_HEARD,),
    "parallel": (_HEARD,),
    "dag": (_HEARD,),
}


def team_rows(assignment: Assignment) -> tuple[Setting, ...]:
    """Return the rows that are the whole team's."""
    return (*_ALWAYS, *_BY_PATTERN.get(assignment.pattern.type, ()))
