"""Who spoke to whom in a trial: agents and the user, and how often each addressed the other."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from agentdyno.core.event import Event
from agentdyno.core.trial import USER_SIMULATOR, Trial

USER = "user"
EVERYBODY = "everybody"
"""Stands for the team where a text is for no agent in particular."""

Way = Literal["message", "task", "result", "control", "choice", "turn"]
"""`task` and `result` of a delegation, `control` by a handoff, `choice` of the next speaker, `turn`
between the user and the team."""

_WAYS: dict[str, Way] = {
    "delegated": "task", "returned": "result", "handoff": "control", "selected": "choice",
}


@dataclass(frozen=True, kw_only=True, order=True)
class Line:
    """One arrow."""

    source: str
    target: str
    way: Way
    count: int


def talk(trial: Trial) -> tuple[Line, ...]:
    """Return the arrows of a trial, most used first."""
    found: Counter[tuple[str, str, Way]] = Counter(_lines(trial.events))
    if first := _first_agent(trial):
        found[USER, first, "turn"] += len(trial.user_turns)
    if last := _last_agent(trial):
        found[last, USER, "turn"] += len(trial.answers)
    lines = (
        Line(source=source, target=target, way=way, count=count)
        for (source, target, way), count in found.items() if count
    )
    return tuple(sorted(lines, key=lambda line: (-line.count, line)))


def _lines(events: Iterable[Event]) -> Iterable[tuple[str, str, Way]]:
    for event in events:
        if event.agent == USER_SIMULATOR:
            continue
        if event.kind == "message":
            for target in event.to or (EVERYBODY,):
                yield event.agent, target, "message"
        elif event.kind == "step" and event.to and event.action in _WAYS:
            yield event.agent, event.to, _WAYS[event.action]


def _first_agent(trial: Trial) -> str:
    return next((e.agent for e in trial.events if e.kind == "model_call" and _of_team(e)), "")


def _last_agent(trial: Trial) -> str:
    events = (e.agent for e in reversed(trial.events) if e.kind == "model_call" and _of_team(e))
    return next(events, "")


def _of_team(event: Event) -> bool:
    return event.agent != USER_SIMULATOR
