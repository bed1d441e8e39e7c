"""What a judge is shown of a trial: the question, the answer, the tools, and the whole trace."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentdyno.core.checkjudge import JudgeCheck
from agentdyno.core.event import Message, Step, ToolCall
from agentdyno.core.trial import Trial
from agentdyno.evals.finding import Unanswered

_OUT_OF_BUDGET = 20_000
"""Characters of one tool result beyond which it is cut: a judge's window is not endless."""


@dataclass(frozen=True, kw_only=True)
class UsedTool:
    """One call of a tool."""

    name: str
    """`server.tool`."""
    arguments: dict[str, Any]
    result: str
    failed: bool = False


@dataclass(frozen=True, kw_only=True)
class Material:
    """What is judged, whether it comes from a trial or from a calibration file."""

    input: str
    output: str
    expected: str | None = None
    context: tuple[str, ...] = ()
    tools: tuple[UsedTool, ...] = ()
    trace: dict[str, Any] | None = None
    """Tree of spans (name, type, input, output, children), for metrics of the way taken."""


def material(trial: Trial, check: JudgeCheck) -> Material:
    """Return what `check` shows its judge of `trial`.

    Raises:
        Unanswered: the trial has no answer to the turn that is asked about.
    """
    last = len(trial.answers)
    turn = check.turn or last
    if not 1 <= turn <= last or not trial.answers[turn - 1].strip():
        raise Unanswered(f"there is no answer to turn {turn}, so there is nothing to judge")
    tools = tuple(_used(event) for event in trial.events if isinstance(event, ToolCall))
    retrieved = tuple(
        tool.result for tool in tools
        if not tool.failed and tool.result.strip()
        and (not check.context_tools or tool.name in check.context_tools)
    )
    said = trial.user_turns[:turn]
    asked = said[0] if len(said) == 1 else "\n\n".join(_dialogue(said, trial.answers[:turn - 1]))
    answer = trial.answers[turn - 1]
    return Material(
        input=asked, output=answer, expected=check.expected, context=check.context or retrieved,
        tools=tools, trace=_trace(trial, asked, answer),
    )


def _dialogue(turns: Sequence[str], answers: Sequence[str]) -> list[str]:
    """Return the conversation up to the last turn; a later turn means nothing without it."""
    lines = []
    for at, turn in enumerate(turns):
        lines.append(f"User: {turn}")
        if at < len(answers):
            lines.append(f"Assistant: {answers[at]}")
    return lines


def _used(call: ToolCall) -> UsedTool:
    return UsedTool(
        name=f"{call.server}.{call.tool}", arguments=call.arguments, result=_cut(call.result_text),
        failed=call.is_error,
    )


def _trace(trial: Trial, asked: str, answer: str) -> dict[str, Any]:
    """Return the trial as DeepEval's tree: what agents said, did and called, in its order.

    Times and identifiers are left out, so that the same trial is always asked about the same.
    """
    children = []
    for event in trial.events:
        match event:
            case ToolCall():
                used = _used(event)
                children.append({
                    "name": used.name, "type": "tool", "agent": event.agent,
                    "input": used.arguments, "output": used.result,
                    **({"error": True} if used.failed else {}),
                })
            case Message() if event.text.strip():
                children.append({
                    "name": event.agent, "type": "agent", "output": _cut(event.text),
                })
            case Step():
                children.append({"name": event.name, "type": "step", "agent": event.agent})
    return {
        "name": trial.key.scenario, "type": "agent", "input": asked, "output": answer,
        "children": children,
    }


def _cut(text: str) -> str:
    if len(text) <= _OUT_OF_BUDGET:
        return text
    return f"{text[:_OUT_OF_BUDGET]} [... {len(text) - _OUT_OF_BUDGET} characters left out]"


