"""One line for each thing that the instruments saw. What a model or a tool wrote is plain text."""

import json
import re

from rich.text import Text

from agentdyno.cli.table import dollars
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
from agentdyno.experiments.summary import quantile

SHORT = 160
"""Characters of a text shown without --full."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BUDGET_STYLES = {"warned": "yellow", "approved": "green", "denied": "red", "stopped": "red"}


def plain(text: str) -> str:
    """Return `text` without the control characters by which it could steer a terminal."""
    return _CONTROLS.sub("�", text)


def shorten(text: str, full: bool, most: int = SHORT) -> str:
    """Return `text` on one line of at most `most` characters, or whole."""
    if full:
        return plain(text)
    line = plain(" ".join(text.split()))
    return line if len(line) <= most else line[: most - 1] + "…"


def event_line(event: Event, full: bool) -> Text:
    """Return what is told of one event in a trial's tree."""
    match event:
        case ModelCall():
            return _time(event) + _model(event, full)
        case ToolCall():
            return _time(event) + _tool(event, full)
        case MemoryAccess():
            found = f"{len(event.hits)} items ({event.mode})"
            words = f"memory {event.operation} {shorten(event.query, full)!r}: {found}"
            return _time(event) + Text(words, style="magenta")
        case Message():
            return _time(event) + message_line(event, full)
        case Step():
            return _time(event) + step_line(event, full)
        case Approval():
            return _time(event) + approval_line(event, full)
        case ToolGap():
            return _time(event) + gap_line(event, full)
        case ToolsListed():
            names = ", ".join(tool["name"] for tool in event.tools) or "none"
            return _time(event) + Text(f"is offered: {shorten(names, full)}", style="dim")
        case ModelTry():
            return _time(event) + try_line(event, full)
        case Fault():
            return _time(event) + fault_line(event)
        case BudgetStep():
            return _time(event) + budget_line(event)


def _time(event: Event) -> Text:
    took = (event.ended_s - event.started_s) * 1000
    return Text(f"{event.started_s:7.3f} s  {took:6.0f} ms  ", style="dim")


def _model(call: ModelCall, full: bool) -> Text:
    line = Text(f"model {call.model} ", style="cyan")
    if call.source != "scripted":
        known = call.provider_model or call.model
        served = f"{call.provider}:{known}" if call.provider else known
        line += Text(f"{call.source} {served} ")
    if call.tokens:
        cached = f" ({call.tokens.cached} cached)" if call.tokens.cached else ""
        line += Text(f"{call.tokens.prompt}{cached} → {call.tokens.completion} tokens ")
    if call.cost_usd is not None:
        line += Text(f"{dollars(call.cost_usd)} USD ")
    line += _streaming(call)
    if call.tools_called:
        line += Text("asks for " + ", ".join(call.tools_called))
    if call.retry_count:
        line += Text(f" retry {call.retry_count} of the framework", style="yellow")
    if call.truncated:
        what = "stream broke off"
        what += "" if call.error else "; the framework took it for whole"
        line += Text(f" {what}", style="red")
    if call.error:
        line += Text(f" HTTP {call.status}: {shorten(call.error, full)}", style="red")
    return line


def _streaming(call: ModelCall) -> Text:
    if call.first_token_s is None or not call.stream:
        return Text("")
    words = f"first token {1000 * (call.first_token_s - call.started_s):.0f} ms "
    if call.gaps_ms:
        half, most = quantile(call.gaps_ms, 0.5), quantile(call.gaps_ms, 0.95)
        words += f"gaps p50 {half:.1f} p95 {most:.1f} ms "
    return Text(words + ("(recorded) " if call.source == "recorded" else ""))


def _tool(call: ToolCall, full: bool) -> Text:
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    line = Text(f"tool  {call.server}.{call.tool}", style="blue")
    line += Text(f" {shorten(arguments, full)}\n{' ' * 22}→ ")
    style = "red" if call.is_error else ""
    kind = f"[{call.error_kind}] " if call.error_kind else ""
    kind += "[recorded] " if call.source == "recorded" else ""
    return line + Text(kind + shorten(call.result_text, full), style=style)


def try_line(event: ModelTry, full: bool = False) -> Text:
    """Return what the gateway's attempt brought, and what it did then."""
    asked = f"{event.provider}:{event.model}" if event.provider else event.model
    status = f" HTTP {event.status}" if event.status else ""
    why = f" {shorten(event.error, full)}" if event.error else ""
    after = f" after {event.wait_s:.2g} s" if event.wait_s else ""
    then = {
        "answered": "answered", "retry": f"tries again{after}",
        "fallback": f"goes on to the fallback model{after}", "give_up": "gives up",
        "circuit_open": "not asked: its circuit is open",
    }[event.decision]
    style = "dim" if event.decision == "answered" else "yellow"
    return Text(f"try   {event.attempt} of call {event.ordinal} at {asked}:{status}{why}: {then}",
                style=style)


def message_line(event: Message, full: bool = False) -> Text:
    """Return what an agent said, and to whom."""
    to = f"to {', '.join(event.to)}: " if event.to else ""
    derived = Text(" (derived)", style="dim") if event.derived else Text("")
    return Text(f"says  {to}", style="bold") + Text(shorten(event.text, full)) + derived


def step_line(event: Step, full: bool = False) -> Text:
    """Return which stage the team came to."""
    name = shorten(event.name, full)
    round = f"round {event.round} " if event.round else ""
    words = {
        "node": f"at {name}", "round": f"begins {name}", "selected": f"chooses {event.to}",
        "handoff": f"hands over to {event.to}", "delegated": f"delegates to {event.to}: {name}",
        "returned": f"returns to {event.to}", "stopped": f"stops: {name}",
    }[event.action]
    derived = " (derived)" if event.derived else ""
    return Text(f"step  {round}{words}{derived}", style="dim")


def approval_line(event: Approval, full: bool = False) -> Text:
    """Return who decided what about a tool call."""
    who = f" by {event.decided_by}" if event.decided_by else ""
    why = f": {shorten(event.reason, full)}" if event.reason else ""
    changed = ""
    if event.arguments is not None:
        changed = f" to {shorten(json.dumps(event.arguments, ensure_ascii=False), full)}"
    style = "yellow" if event.decision in ("rejected", "timed_out") else "green"
    call = f"{event.server}.{event.tool} ({event.risk} risk)"
    return Text(f"asks  {call} {event.decision}{changed}{who}{why}", style=style)


def gap_line(event: ToolGap, full: bool = False) -> Text:
    """Return which tools an agent misses."""
    names = ", ".join(tool.name for tool in event.missing_tools)
    return Text(f"lacks {shorten(names, full)}", style="yellow")


def fault_line(event: Fault) -> Text:
    """Return which fault the harness injected where."""
    detail = f": {event.detail}" if event.detail else ""
    return Text(f"fault {event.fault} injected into {event.channel} call {event.ordinal}{detail}",
                style="bold magenta")


def budget_line(event: BudgetStep) -> Text:
    """Return which budget reached which step."""
    unit = {"cost_usd": "USD", "wall_s": "s"}.get(event.measure, event.measure)
    share = 100 * event.spent / event.limit if event.limit else 100.0
    return Text(
        f"budget of the {event.scope}: {event.spent:,.6g} of {event.limit:,.6g} {unit} "
        f"({share:.0f} %): {event.step}", style=_BUDGET_STYLES[event.step],
    )
