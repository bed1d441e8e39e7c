"""One trial as a readable tree. What a model or a tool wrote is shown as plain text."""

import json
from itertools import groupby

from rich.text import Text
from rich.tree import Tree

from agentdyno.core.event import (
    Event,
    MemoryAccess,
    Message,
    ModelCall,
    Step,
    ToolCall,
    ToolsListed,
)
from agentdyno.core.trial import Outcome, Setting, Trial, Verdict

SHORT = 160
"""Characters of a text shown without --full."""

STATUS_STYLE = {"pass": "green", "fail": "red", "error": "magenta", "inconclusive": "yellow"}


def _shorten(text: str, full: bool) -> str:
    if full:
        return text
    line = " ".join(text.split())
    return line if len(line) <= SHORT else line[: SHORT - 1] + "…"


def _time(event: Event) -> Text:
    took = (event.ended_s - event.started_s) * 1000
    return Text(f"{event.started_s:7.3f} s  {took:6.0f} ms  ", style="dim")


def _model_line(call: ModelCall, full: bool) -> Text:
    line = _time(call) + Text(f"model {call.model} ", style="cyan")
    if call.tokens:
        line += Text(f"{call.tokens.prompt} → {call.tokens.completion} tokens ")
    if call.first_token_s is not None and call.stream:
        line += Text(f"first token {1000 * (call.first_token_s - call.started_s):.0f} ms ")
    if call.tools_called:
        line += Text("asks for " + ", ".join(call.tools_called))
    if call.error:
        line += Text(f"HTTP {call.status}: {_shorten(call.error, full)}", style="red")
    return line


def _tool_line(call: ToolCall, full: bool) -> Text:
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    line = _time(call) + Text(f"tool  {call.server}.{call.tool}", style="blue")
    line += Text(f" {_shorten(arguments, full)}\n{' ' * 22}→ ")
    style = "red" if call.is_error else ""
    kind = f"[{call.error_kind}] " if call.error_kind else ""
    return line + Text(kind + _shorten(call.result_text, full), style=style)


def _event_line(event: Event, full: bool) -> Text:
    match event:
        case ModelCall():
            return _model_line(event, full)
        case ToolCall():
            return _tool_line(event, full)
        case MemoryAccess():
            found = f"{len(event.hits)} items ({event.mode})"
            words = f"memory {event.operation} {_shorten(event.query, full)!r}: {found}"
            return _time(event) + Text(words, style="magenta")
        case Message():
            return _time(event) + Text("says  ", style="bold") + Text(_shorten(event.text, full))
        case Step():
            return _time(event) + Text(f"step  {event.name}", style="dim")
        case ToolsListed():
            names = ", ".join(tool["name"] for tool in event.tools) or "none"
            return _time(event) + Text(f"is offered: {_shorten(names, full)}", style="dim")


def _verdict_line(verdict: Verdict, full: bool) -> Text:
    style = STATUS_STYLE[verdict.status]
    return Text(f"{verdict.status:12}", style=style) + Text(
        f"{verdict.check}: {_shorten(verdict.reason, full)}"
    )


def _setting_line(setting: Setting) -> Text:
    same = setting.requested == setting.effective
    line = Text(f"{setting.name}: {json.dumps(setting.requested)}")
    if not same:
        line += Text(f" → {json.dumps(setting.effective)}", style="yellow")
    return line + Text(f"  {setting.note}" if setting.note else "", style="dim")


def trial_tree(trial: Trial, *, full: bool = False) -> Tree:
    """Return the tree of one trial: conversation, calls and timing, verdicts, parity."""
    key = trial.key
    good = trial.outcome is Outcome.COMPLETED
    head = Text(f"{trial.id}  ", style="bold") + Text(
        f"{key.scenario} × {key.runner} {key.runner_version}, repeat {key.repeat}: "
    )
    head += Text(f"{trial.outcome} in {trial.duration_s:.2f} s", style="green" if good else "red")
    root = Tree(head)
    if trial.reason:
        root.add(Text(trial.reason, style="red"))
    for turn in trial.user_turns:
        root.add(Text("user: ", style="bold") + Text(_shorten(turn, full)))
    for agent, events in groupby(trial.events, key=lambda event: event.agent):
        branch = root.add(Text(agent or "trial", style="bold yellow"))
        for event in events:
            branch.add(_event_line(event, full))
    for text in trial.answers:
        root.add(Text("answer: ", style="bold") + Text(_shorten(text, full)))
    verdicts = root.add(Text("verdicts", style="bold"))
    for verdict in trial.verdicts:
        verdicts.add(_verdict_line(verdict, full))
    parity = root.add(Text("settings: requested → effective", style="bold"))
    for setting in trial.report.parity:
        parity.add(_setting_line(setting))
    return root
