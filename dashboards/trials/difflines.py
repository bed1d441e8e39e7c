"""A wire diff as rows of tables and as text with signs, for blocks that show text as it is."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from agentdyno.experiments.wirediff.nouns import (
    AskedCall,
    CallDiff,
    Change,
    Line,
    MessageDiff,
    Parts,
    ToolDiff,
    TrialDiff,
    Where,
)

PARTS: Mapping[str, Callable[[Parts], int]] = {
    "system": lambda parts: parts.system, "user": lambda parts: parts.user,
    "assistant": lambda parts: parts.assistant,
    "tool results": lambda parts: parts.tool_results,
    "tool schemas": lambda parts: parts.tool_schemas,
    "output schema": lambda parts: parts.output_schema,
    "prompt": lambda parts: parts.prompt, "completion": lambda parts: parts.completion,
}
_VALUE = 200
"""Characters shown of a JSON value."""


def signed(rows: Sequence[Line], *, context: int = 1) -> str:
    """Return the rows of a text diff as lines with `-` and `+`, and equal ones near them."""
    near = {
        at + step for at, row in enumerate(rows) if row.kind != "same"
        for step in range(-context, context + 1)
    }
    lines: list[str] = []
    skipped = 0
    for at, row in enumerate(rows):
        if at not in near:
            skipped += 1
            continue
        if skipped:
            lines.append(f"@@ {skipped} equal lines @@")
            skipped = 0
        lines += _signs(row)
    return "\n".join([*lines, *([f"@@ {skipped} equal lines @@"] if skipped else [])])


def _signs(row: Line) -> Iterator[str]:
    if row.kind == "same":
        yield f"  {row.a}"
        return
    if row.a is not None:
        yield f"- {row.a}"
    if row.b is not None:
        yield f"+ {row.b}"


def token_rows(diff: TrialDiff) -> list[dict[str, Any]]:
    """Return one row per pair of calls: tokens of each part in A and in B."""
    used = [
        name for name, of in PARTS.items()
        if name == "prompt" or of(diff.a.tokens) or of(diff.b.tokens)
    ]
    rows = [
        {"agent": call.agent, "call": call.number, **{
            name: _pair(_part(call.a, PARTS[name]), _part(call.b, PARTS[name])) for name in used
        }} for call in diff.calls
    ]
    total = {name: _pair(PARTS[name](diff.a.tokens), PARTS[name](diff.b.tokens)) for name in used}
    return [*rows, {"agent": "all calls", "call": None, **total}]


def _part(call: AskedCall | None, of: Callable[[Parts], int]) -> int | None:
    return None if call is None else of(call.tokens)


def _pair(a: int | None, b: int | None) -> str:
    if a == b:
        return f"{a:,}"
    return f"{'no call' if a is None else f'{a:,}'} → {'no call' if b is None else f'{b:,}'}"


def change_row(change: Change) -> dict[str, str]:
    """Return one difference of two JSON values as a row."""
    left = "not sent" if change.kind == "added" else value(change.a)
    right = "not sent" if change.kind == "removed" else value(change.b)
    return {"where": change.path, "how": change.kind, "A": left, "B": right}


def value(found: Any) -> str:
    """Return a JSON value on one line, its beginning when it is long."""
    text = json.dumps(found, ensure_ascii=False)
    return text if len(text) <= _VALUE else f"{text[: _VALUE - 1]}…"


def places(where: Where) -> str:
    """Return in which calls something was seen."""
    return "; ".join(
        f"{agent} {', '.join(map(str, numbers[:6]))}{'…' if len(numbers) > 6 else ''}"
        for agent, numbers in where.items()
    )


def tool_title(tool: ToolDiff) -> str:
    """Return what is different about a tool, in a few words."""
    if tool.a is None or tool.b is None:
        side, tokens = ("B", tool.tokens_b) if tool.a is None else ("A", tool.tokens_a)
        return f"{tool.a or tool.b}: in {side} alone, {tokens:,} tokens"
    name = tool.a if tool.a == tool.b else f"{tool.a} renamed to {tool.b}"
    changes = f"{len(tool.changes)} change{'s' if len(tool.changes) > 1 else ''}"
    parts = [f"{changes} of its definition"] if tool.changes else []
    parts += ["another description"] if tool.description else []
    return f"{name}: {' and '.join(parts)}" if parts else name


def message_title(one: MessageDiff) -> str:
    """Return how a message differs, in a few words."""
    role = one.role_a if one.role_a == one.role_b else f"{one.role_a or ''} → {one.role_b or ''}"
    at = f"at {one.at_a}" if one.at_a == one.at_b else f"at {one.at_a or '–'} → {one.at_b or '–'}"
    words = {
        "removed": f"{one.role_a} message in A alone", "added": f"{one.role_b} message in B alone",
        "changed": f"{role} message differs", "form": f"{role} message, written in another way",
        "moved": f"{role} message moved",
    }[one.kind]
    merged = f", part of the other's message {one.stands_in}" if one.stands_in else ""
    return f"{words}, {at}{merged}, {one.tokens_a:,} → {one.tokens_b:,} tokens"


def differs(call: CallDiff) -> bool:
    """Return whether there is anything to show of a pair of calls."""
    return call.a is None or call.b is None or bool(call.messages)


def call_title(call: CallDiff) -> str:
    """Return which calls are compared, in a few words."""
    if call.a is None or call.b is None:
        side, alone = ("B", call.b) if call.a is None else ("A", call.a)
        assert alone is not None
        asks = f", asks for {', '.join(alone.asks_for)}" if alone.asks_for else ""
        return (f"{call.agent}, call {call.number}: in {side} alone,"
                f" {alone.tokens.prompt:,} prompt tokens{asks}")
    again = f", beside {call.repeated} told before" if call.repeated else ""
    count = len(call.messages)
    some = "1 message differs" if count == 1 else f"{count} messages differ"
    return f"{call.agent}, call {call.number}: {some}{again}"
