"""A trial's events in words: what kind of thing each was, one line about it, and its whole text."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from agentdyno.core.event import (
    Approval,
    BudgetStep,
    Event,
    Fault,
    MemoryAccess,
    Message,
    ModelCall,
    ModelTry,
    Step,
    ToolCall,
    ToolGap,
    ToolsListed,
)

Kind = Literal[
    "model", "tool", "memory", "waiting", "backoff", "message", "step", "fault", "budget", "gap",
    "offer",
]
"""`waiting`: a person decides about a call. `backoff`: the gateway waits before it tries again."""

TIMED: tuple[Kind, ...] = ("model", "tool", "memory", "waiting", "backoff")
"""Kinds that take time; the others are points."""
MEMORY = "memory"
"""Name that the memory's tools carry as a server."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """One event as a page tells it. Its texts are whatever models and tools wrote."""

    number: int
    """Place in `Trial.events`, from 0."""
    kind: Kind
    agent: str
    """"" for the trial as a whole."""
    started_s: float
    ended_s: float
    title: str
    """What happened, in a few words."""
    text: str = ""
    """What was said, asked or answered, whole."""
    failed: bool = False
    """Whether something went wrong, or was made to."""

    @property
    def took_s(self) -> float:
        """Seconds from start to end."""
        return self.ended_s - self.started_s


def moments(events: Iterable[Event]) -> tuple[Moment, ...]:
    """Return one moment per event, in their order; a memory access and the tool call that made it
    are one."""
    every = tuple(events)
    called = any(event.kind == "tool_call" and event.server == MEMORY for event in every)
    return tuple(
        _moment(number, event) for number, event in enumerate(every)
        if not (called and event.kind == "memory_access")
    )


def _moment(number: int, event: Event) -> Moment:
    match event:
        case ModelCall():
            return _made(number, event, "model", _model_title(event), event.error or "",
                         failed=event.error is not None or event.truncated)
        case ToolCall():
            kind: Kind = "memory" if event.server == MEMORY else "tool"
            return _made(number, event, kind, _tool_title(event), _tool_text(event),
                         failed=event.is_error)
        case MemoryAccess():
            found = f"{len(event.hits)} items: {', '.join(event.hits)}" if event.hits else "nothing"
            verb = "found" if event.operation == "search" else "wrote"
            return _made(number, event, "memory", f"memory {event.operation} ({event.mode})",
                         f"{event.query}\n\n{verb} {found}")
        case Approval():
            return _approval(number, event)
        case ModelTry():
            return _try(number, event)
        case Message():
            to = f" to {', '.join(event.to)}" if event.to else ""
            read = " (read off the wire)" if event.derived else ""
            return _made(number, event, "message", f"says{to}{read}", event.text)
        case Step():
            return _made(number, event, "step", step_title(event),
                         event.name if event.action in ("delegated", "returned") else "")
        case Fault():
            return _made(number, event, "fault",
                         f"fault {event.fault} put into {event.channel} call {event.ordinal}",
                         event.detail, failed=True)
        case BudgetStep():
            return _made(number, event, "budget", f"budget of the {event.scope} {event.step}",
                         f"{event.spent:,.6g} of {event.limit:,.6g} {event.measure}",
                         failed=event.step in ("denied", "stopped"))
        case ToolGap():
            names = ", ".join(tool.name for tool in event.missing_tools)
            return _made(number, event, "gap", "lacks a tool", names)
        case ToolsListed():
            names = "\n".join(event.origins or [tool["name"] for tool in event.tools])
            return _made(number, event, "offer", f"is offered {len(event.tools)} tools", names)


def _made(
    number: int, event: Event, kind: Kind, title: str, text: str = "", *, failed: bool = False,
) -> Moment:
    return Moment(
        number=number, kind=kind, agent=event.agent, started_s=event.started_s,
        ended_s=event.ended_s, title=title, text=text, failed=failed,
    )


def _model_title(call: ModelCall) -> str:
    parts = [f"model call {call.ordinal}"]
    if call.tokens:
        parts.append(f"{call.tokens.prompt:,} → {call.tokens.completion:,} tokens")
    if call.tools_called:
        parts.append(f"asks for {', '.join(call.tools_called)}")
    if call.retry_count:
        parts.append(f"retry {call.retry_count} of the framework")
    if call.error is not None:
        parts.append(f"HTTP {call.status}")
    elif call.truncated:
        parts.append("its stream broke off")
    return ", ".join(parts)


def _tool_title(call: ToolCall) -> str:
    name = f"{call.server}.{call.tool}" if call.server else call.tool
    recorded = " (recorded)" if call.source == "recorded" else ""
    return f"{name}{recorded}" + (f": {call.error_kind or 'error'}" if call.is_error else "")


def _tool_text(call: ToolCall) -> str:
    return f"{as_json(call.arguments)}\n\n{call.result_text}"


def as_json(value: Any) -> str:
    """Return a JSON value on lines of their own, as people read it."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def _approval(number: int, event: Approval) -> Moment:
    who = f" by {event.decided_by}" if event.decided_by else ""
    text = as_json(event.shown)
    if event.arguments is not None:
        text += f"\n\nchanged to\n{as_json(event.arguments)}"
    if event.reason:
        text += f"\n\n{event.reason}"
    title = f"{event.server}.{event.tool} ({event.risk} risk) {event.decision}{who}"
    return _made(number, event, "waiting", title, text,
                 failed=event.decision in ("rejected", "timed_out"))


def _try(number: int, event: ModelTry) -> Moment:
    asked = f"{event.provider}:{event.model}" if event.provider else event.model
    then = {
        "answered": "answered", "retry": "tries again", "fallback": "goes on to the fallback",
        "give_up": "gives up", "circuit_open": "not asked: its circuit is open",
    }[event.decision]
    status = f" HTTP {event.status}" if event.status else ""
    return Moment(
        number=number, kind="backoff", agent=event.agent, started_s=event.ended_s,
        ended_s=event.ended_s + event.wait_s, text=event.error or "",
        title=f"attempt {event.attempt} of call {event.ordinal} at {asked}:{status} {then}",
        failed=event.decision != "answered",
    )


def step_title(event: Step) -> str:
    """Return which stage the team came to, in a few words."""
    round = f"round {event.round} " if event.round else ""
    words = {
        "node": f"at {event.name}", "round": f"begins {event.name}",
        "selected": f"chooses {event.to}", "handoff": f"hands over to {event.to}",
        "delegated": f"gives {event.to} a task", "returned": f"returns to {event.to}",
        "stopped": f"stops: {event.name}",
    }[event.action]
    return f"{round}{words}" + (" (read off the wire)" if event.derived else "")
