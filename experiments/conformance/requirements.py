"""What a runner is held to, each with its reason. A judge says what is wrong, or nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agentdyno.experiments.conformance import judges, teamwork
from agentdyno.experiments.conformance.case import Case
from agentdyno.experiments.conformance.play import Played

Judge = Callable[[Played], Iterator[str]]


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One behaviour that shows in a case that was played."""

    id: str
    reason: str
    """Why it must hold."""
    applies: Callable[[Case], bool]
    """Whether it says anything about a case."""
    judge: Judge
    """Yields what is wrong, a sentence each."""


def _on(id: str, reason: str, judge: Judge, applies: Callable[[Case], bool]) -> Requirement:
    return Requirement(id=id, reason=reason, applies=applies, judge=judge)


REQUIREMENTS: tuple[Requirement, ...] = (
    _on("outcome", "a trial ends as its team ended it, and at its limit where there is one",
        judges.outcome, lambda case: True),
    _on("answer", "checks judge the answer, so it is the agent's text and nothing around it",
        judges.answer, lambda case: bool(case.spec.checks)),
    _on("calls", "who has no part is not billed, and nobody is billed twice",
        judges.calls, lambda case: bool(case.spec.calls or case.spec.at_most)),
    _on("settings", "every agent works with its own prompt, model settings and tools",
        judges.own_settings, lambda case: case.spec.ends == ("completed",)),
    _on("usage", "a framework that misreports its tokens must be told apart",
        judges.usage, lambda case: case.spec.ends == ("completed",)),
    _on("messages", "a trial's page draws who said what",
        teamwork.messages, lambda case: case.spec.said is not None),
    _on("steps", "a trial's page draws how the team worked",
        teamwork.steps, lambda case: case.spec.steps is not None),
    _on("moments", "whoever watches a trial sees it while it happens",
        teamwork.moments, lambda case: case.spec.said is not None and case.spec.ordered),
    _on("sees", "a pattern is who sees what",
        teamwork.sees, lambda case: bool(case.spec.sees or case.spec.blind)),
    _on("arguments", "what is delegated is what the manager said, to the last brace",
        teamwork.gets, lambda case: bool(case.spec.gets)),
    _on("together", "what runs side by side costs the time of the slowest",
        judges.together, lambda case: bool(case.spec.together)),
    _on("told", "a failure that nobody is told of becomes somebody's invention",
        judges.told, lambda case: case.spec.told is not None),
    _on("asked_again", "a selector that names nobody must neither hang the team nor pass unseen",
        judges.asked_again, lambda case: case.spec.asked_again is not None),
)


def requirements_of(case: Case) -> tuple[Requirement, ...]:
    """Return what `case` is held to."""
    return tuple(each for each in REQUIREMENTS if each.applies(case))
