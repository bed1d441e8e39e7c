"""The messages of a wire diff: prompts in full, what repeats itself in one line."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.text import Text

from agentdyno.cli.difftext import ROWS, A, B, indented, text_diff
from agentdyno.experiments.wirediff.nouns import AskedCall, CallDiff, MessageDiff, TrialDiff

_EXAMPLES = 2
"""Changed assistant and tool messages of one call that are shown without --full."""
_FORM_ROWS = 4
"""Lines that show how the same content is written in another way."""
_KINDS = {"removed": ("in A alone", A), "added": ("in B alone", B), "moved": ("moved", "yellow")}


def print_messages(console: Console, diff: TrialDiff, *, full: bool) -> None:
    """Print agent by agent which messages differ, each where it is first sent."""
    for agent, found in groupby(diff.calls, key=lambda call: call.agent):
        calls = list(found)
        equal = not any(call.messages or not (call.a and call.b) for call in calls)
        console.print()
        console.print(Text(agent, style="bold yellow") + Text(
            ": messages equal" if equal else ": messages", style="green" if equal else "bold"))
        for call in calls:
            _call(console, call, full=full)


def _call(console: Console, call: CallDiff, *, full: bool) -> None:
    if call.a is None or call.b is None:
        alone = call.a or call.b
        assert alone is not None
        indented(console, _alone(call.number, alone, in_a=call.b is None), 2)
        return
    if call.a.error or call.b.error:
        for name, style, side in (("A", A, call.a), ("B", B, call.b)):
            if side.error:
                indented(console, Text(f"call {call.number}, {name}: HTTP {side.status} "
                                           f"{side.error}", style=style), 2)
    if not call.messages:
        return
    head = Text.assemble((f"call {call.number}", "bold"))
    if call.repeated:
        head += Text(f"  beside {call.repeated} of earlier calls", style="dim")
    indented(console, head, 2)
    examples = 0
    for group in _groups(call.messages):
        line = _group_line(group)
        indented(console, line, 4)
        prompt = any((one.role_a or one.role_b) in ("system", "user") for one in group)
        for one in group:
            told = one.stands_in and not full
            if not one.text or told or (not full and not prompt and examples >= _EXAMPLES):
                continue
            examples += not prompt
            most = _FORM_ROWS if one.kind == "form" else ROWS
            body = text_diff(one.text, console.width - 6, full=full, most=most)
            indented(console, body, 6)


def _alone(number: int, call: AskedCall, *, in_a: bool) -> Text:
    name, style = ("A", A) if in_a else ("B", B)
    asks = f", asks for {', '.join(call.asks_for)}" if call.asks_for else ""
    error = f", HTTP {call.status}: {call.error}" if call.error else ""
    return Text(f"call {number}", style="bold") + Text(
        f"  in {name} alone: {_roles(call.roles)}, {call.tokens.prompt:,} prompt tokens"
        f"{asks}{error}", style=style)


def _roles(roles: Sequence[str]) -> str:
    counted = Counter(roles)
    return ", ".join(role if n == 1 else f"{n} {role}" for role, n in counted.items())


def _groups(messages: Sequence[MessageDiff]) -> list[list[MessageDiff]]:
    """Return neighbours that differ in the same way together; prompts stand for themselves."""
    groups: list[list[MessageDiff]] = []
    for one in messages:
        last = groups[-1][-1] if groups else None
        if last is not None and _way(last) == _way(one) and _way(one)[0] != "prompt":
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def _way(one: MessageDiff) -> tuple[object, ...]:
    if "system" in (one.role_a, one.role_b) or (
            "user" in (one.role_a, one.role_b) and one.kind != "moved"):
        return ("prompt",)
    if one.kind in _KINDS:
        return (one.kind, one.stands_in is None)
    return (one.kind, one.role_a, one.role_b, bool(one.text), one.name_a is None,
            one.name_b is None)


def _group_line(group: Sequence[MessageDiff]) -> Text:
    first, tokens = group[0], (sum(m.tokens_a for m in group), sum(m.tokens_b for m in group))
    if first.kind in _KINDS:
        words, style = _KINDS[first.kind]
        roles = _roles([_label(one) for one in group])
        hosts = ", ".join(dict.fromkeys(str(one.stands_in) for one in group if one.stands_in))
        other = "B" if first.kind == "removed" else "A"
        merged = Text(f", its text is part of {other}'s message {hosts}" if hosts else "")
        return Text.assemble((f"{roles} {words}", style)) + merged + Text(
            f"  {_places(group)}, {sum(tokens) if first.kind != 'moved' else tokens[0]:,} tokens",
            style="dim")
    same_role = first.role_a == first.role_b
    roles = str(first.role_a) if same_role else f"{first.role_a} → {first.role_b}"
    what = "system prompt" if roles == "system" else f"{roles} message"
    line = Text.assemble((f"{len(group)} {what}s" if len(group) > 1 else what, "bold"))
    if first.kind == "form":
        line += Text(": the same content, written in another way")
    names = dict.fromkeys((one.name_a, one.name_b) for one in group)
    if any(a != b for a, b in names):
        left, right = (", ".join(dict.fromkeys(name or "none" for name in side))
                       for side in zip(*names, strict=True))
        line += Text(", name ") + Text(left, style=A) + Text(" → ") + Text(right, style=B)
    change = f"{tokens[0]:,} → {tokens[1]:,}" if tokens[0] != tokens[1] else f"{tokens[0]:,}"
    return line + Text(f"  {_places(group)}, {change} tokens", style="dim")


def _label(one: MessageDiff) -> str:
    role, name = one.role_a or one.role_b or "", one.name_a or one.name_b
    return f"{role} ({name})" if name else role


def _places(group: Sequence[MessageDiff]) -> str:
    """Return where the messages stand in the request: places in A, in B, or in both."""
    sides = (("A", [m.at_a for m in group if m.at_a]), ("B", [m.at_b for m in group if m.at_b]))
    told = {name: f"{min(at)}–{max(at)}" if len(at) > 1 else str(at[0]) for name, at in sides if at}
    if len(set(told.values())) == 1 and len(told) == 2:
        return f"at {told['A']}"
    return "at " + ", ".join(f"{name} {at}" for name, at in told.items())
