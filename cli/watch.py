"""`run --watch`: what agents say and do while they do it, several trials at once.

Every line begins with its trial and agent, and is printed when it is whole, so that streams that
arrive interleaved stay readable. On a terminal a long line is broken at a space; where nobody looks
at one, lines are as long as the model made them.
"""

import json
from collections import defaultdict
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from agentdyno.cli.eventlines import (
    approval_line,
    budget_line,
    fault_line,
    plain,
    shorten,
    try_line,
)
from agentdyno.core.event import (
    Approval,
    BudgetStep,
    Event,
    Fault,
    ModelCall,
    ModelTry,
    Step,
    ToolCall,
)
from agentdyno.core.sink import ApprovalAsked, Delta, ToolStarted, Watch
from agentdyno.core.variant import BASELINE
from agentdyno.experiments.plan import PlannedTrial

_STYLES = ("cyan", "magenta", "green", "blue", "yellow", "bright_cyan", "bright_magenta",
           "bright_blue")
_SHORT = 100
"""Characters shown of a tool's arguments, and of its result."""
_NARROW = 24
"""Columns that a text is given at least, however long its prefix is."""


class WatchPrinter:
    """Prints what happens in all trials of a run, above the progress bars of `console`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._styles: dict[str, str] = {}
        self._scenarios: set[str] = set()

    def of(self, planned: PlannedTrial) -> Watch:
        """Return what is to be told of one trial that begins now."""
        key, label = planned.key, planned.runner.label
        style = self._styles.setdefault(label, _STYLES[len(self._styles) % len(_STYLES)])
        self._scenarios.add(key.scenario)
        several = len(self._scenarios) > 1
        tag = "".join((
            f"{key.scenario}/" if several else "", label,
            f"/{key.variant}" if key.variant != BASELINE else "",
            f"#{key.repeat}" if key.repeat else "",
            f"!{key.faults.partition(':')[0]}" if key.faults else "",
        ))
        return _TrialWatch(self._console, tag, style)


class _TrialWatch:
    """Tells one trial."""

    def __init__(self, console: Console, tag: str, style: str) -> None:
        self._console = console
        self._tag = tag
        self._style = style
        self._unfinished: dict[str, str] = defaultdict(str)
        """The last line of each agent's text, until it is whole."""

    def __call__(self, seen: Event | Delta | ToolStarted | ApprovalAsked) -> None:
        """Tell one thing; texts wait until their line is whole."""
        if isinstance(seen, Delta):
            self._take(seen)
            return
        self._finish(seen.agent)
        for line in _lines(seen):
            self._print(seen.agent, line)

    def _take(self, delta: Delta) -> None:
        *whole, rest = (self._unfinished.pop(delta.agent, "") + delta.text).split("\n")
        room = self._room(delta.agent)
        while room and len(rest) > room:
            cut = rest.rfind(" ", 1, room + 1)
            cut = room if cut < 0 else cut
            whole.append(rest[:cut])
            rest = rest[cut:].removeprefix(" ")
        for line in whole:
            if line.strip():
                self._print(delta.agent, Text(plain(line)))
        if rest:
            self._unfinished[delta.agent] = rest

    def _finish(self, agent: str) -> None:
        rest = self._unfinished.pop(agent, "")
        if rest.strip():
            self._print(agent, Text(plain(rest)))

    def _room(self, agent: str) -> int:
        """Return the columns beside the prefix; 0 where lines need not be broken."""
        if not self._console.is_terminal:
            return 0
        return max(_NARROW, self._console.width - len(self._prefix(agent)))

    def _prefix(self, agent: str) -> str:
        return f"{self._tag} {agent} │ " if agent else f"{self._tag} │ "

    def _print(self, agent: str, line: Text) -> None:
        room = self._room(agent)
        prefix = Text.assemble((self._prefix(agent), self._style))
        for part in line.wrap(self._console, room) if room else [line]:
            self._console.print(prefix + part, soft_wrap=True)


def _lines(seen: Event | ToolStarted | ApprovalAsked) -> Iterator[Text]:
    """Yield the lines that tell an event; none for those that say nothing new."""
    match seen:
        case ToolStarted():
            arguments = json.dumps(seen.arguments, ensure_ascii=False)
            yield Text(f"→ {seen.server}.{seen.tool} ", style="bold") + Text(
                shorten(arguments, False, _SHORT))
        case ApprovalAsked(request=request):
            yield Text(f"⧖ {request.server}.{request.tool} waits for approval ({request.risk} "
                       "risk)", style="yellow")
        case Approval():
            yield approval_line(seen)
        case ToolCall():
            style = "red" if seen.is_error else "dim"
            kind = f"[{seen.error_kind}] " if seen.error_kind else ""
            result = shorten(seen.result_text, False, _SHORT)
            yield Text(f"← {seen.server}.{seen.tool} in {_ms(seen)}: {kind}{result}", style=style)
        case ModelCall():
            yield from _answered(seen)
        case ModelTry(decision="answered", attempt=1):
            return
        case ModelTry():
            yield try_line(seen)
        case Fault():
            yield fault_line(seen)
        case BudgetStep():
            yield budget_line(seen)
        case Step():
            yield Text(f"step: {plain(seen.name)}", style="dim")


def _answered(call: ModelCall) -> Iterator[Text]:
    """Tell how a model call ended; its text has been told while it came."""
    if call.error is not None:
        yield Text(f"✗ model call {call.ordinal}: HTTP {call.status} "
                   f"{shorten(call.error, False)}", style="red")
        return
    tokens = f"{call.tokens.prompt:,} → {call.tokens.completion:,} tokens, " if call.tokens else ""
    source = "" if call.source == "scripted" else f", {call.source}"
    yield Text(f"✓ model call {call.ordinal}: {tokens}{_ms(call)}{source}", style="dim")
    if call.truncated:
        yield Text("✗ its stream broke off without a finish reason; the framework was left to take "
                   "it for whole", style="red")


def _ms(event: Event) -> str:
    return f"{1000 * (event.ended_s - event.started_s):,.0f} ms"
