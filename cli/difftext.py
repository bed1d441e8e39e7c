"""Text diffs on a terminal: two columns where there is room, one where there is not."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agentdyno.cli.eventlines import plain
from agentdyno.experiments.wirediff.nouns import Change, Line
from agentdyno.experiments.wirediff.texts import diff_words

A, B = "red", "green"
"""Styles of what stands in one trial alone."""
TWO_COLUMNS = 120
"""Columns of a terminal from which texts stand side by side."""
_CONTEXT = 1
"""Equal lines shown around a difference."""
ROWS = 16
"""Differing lines of one text shown without --full."""
_ROWS_ALONE = 6
"""Lines shown of a text that stands in one trial alone."""
_PIECE = 320
"""Characters shown of one piece of a line without --full."""
_WIDE_VALUE = 72

Shown = tuple[Line | None, int]
"""A line; or None and the number of equal lines that are left out."""


def indented(console: Console, body: RenderableType, columns: int) -> None:
    """Print `body` so many columns further in."""
    console.print(Padding(body, (0, 0, 0, columns), expand=False))


def text_diff(
    rows: Sequence[Line], width: int, *, full: bool, most: int = ROWS
) -> RenderableType:
    """Return the difference of two texts, with its changed words marked.

    Args:
        width: columns that there are.
        full: show every differing line.
        most: lines shown otherwise.
    """
    shown = list(_hunks(rows))
    one_sided = len({line.kind for line in rows}) == 1 and rows[0].kind in ("added", "removed")
    cut = 0 if full else max(0, len(shown) - (min(most, _ROWS_ALONE) if one_sided else most))
    lines = shown[: len(shown) - cut]
    made = _unified if one_sided or width < TWO_COLUMNS else _columns
    body = made(lines, full)
    return Group(body, Text(f"  … {cut} more lines", style="dim")) if cut else body


def _hunks(rows: Sequence[Line]) -> Iterator[Shown]:
    """Yield differing lines with some context, and how much was left out between them."""
    wanted = {
        near for at, row in enumerate(rows) if row.kind != "same"
        for near in range(at - _CONTEXT, at + _CONTEXT + 1)
    }
    skipped = 0
    for at, row in enumerate(rows):
        if at in wanted and (row.kind != "same" or (row.a or "").strip()):
            if skipped:
                yield None, skipped
            skipped = 0
            yield row, 0
        else:
            skipped += 1
    if skipped:
        yield None, skipped


def _columns(lines: Sequence[Shown], full: bool) -> Table:
    table = Table.grid(expand=True, padding=(0, 2, 0, 0))
    table.add_column(ratio=1, overflow="fold")
    table.add_column(ratio=1, overflow="fold")
    for line, skipped in lines:
        table.add_row(*([_left_out(skipped)] * 2 if line is None else _sides(line, full)))
    return table


def _unified(lines: Sequence[Shown], full: bool) -> Table:
    """Return one column with signs before the lines; its wrapped lines keep their indent."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for line, skipped in lines:
        if line is None:
            table.add_row("", _left_out(skipped))
        elif line.kind == "same":
            table.add_row("", _cut(line.a or "", "dim", full))
        else:
            a, b = _sides(line, full)
            if line.a is not None:
                table.add_row(Text("−", style=A), a)
            if line.b is not None:
                table.add_row(Text("+", style=B), b)
    return table


def _left_out(count: int) -> Text:
    return Text(f"… {count} equal lines" if count > 1 else "… 1 equal line", style="dim")


def _sides(line: Line, full: bool) -> tuple[Text, Text]:
    a, b = line.a or "", line.b or ""
    if line.kind == "same":
        return _cut(a, "dim", full), _cut(b, "dim", full)
    if line.kind != "changed":
        return _cut(a, A, full), _cut(b, B, full)
    left, right = diff_words(a, b)
    return (
        Text("").join(_cut(text, f"bold {A}" if new else "", full) for new, text in left),
        Text("").join(_cut(text, f"bold {B}" if new else "", full) for new, text in right),
    )


def _cut(text: str, style: str, full: bool) -> Text:
    """Return `text` without its middle when it is long, so that a line's differences stay seen."""
    if not full and len(text) > _PIECE:
        half = _PIECE // 2
        text = f"{text[:half]} … {len(text) - 2 * half:,} characters … {text[-half:]}"
    return Text(plain(text), style=style)


def value_text(value: Any, *, full: bool) -> str:
    """Return a JSON value on one line, cut unless all of it is wanted."""
    text = json.dumps(value, ensure_ascii=False)
    return text if full or len(text) <= _WIDE_VALUE else text[: _WIDE_VALUE - 1] + "…"


def change_text(change: Change, *, full: bool) -> Text:
    """Return one difference of two JSON values on one line."""
    line = Text.assemble((f"{_path(change.path)}: ", "cyan"))
    if change.kind == "reordered":
        names = ", ".join(map(str, change.b)) if isinstance(change.b, list) else ""
        return line + Text("another order: ") + Text(names, style=B)
    if change.kind == "changed" and _names(change.a) and _names(change.b):
        gone = [f"−{name}" for name in change.a if name not in change.b]
        come = [f"+{name}" for name in change.b if name not in change.a]
        return line + Text(" ".join(gone), style=A) + Text(" " if gone and come else "") + Text(
            " ".join(come), style=B)
    left = "not sent" if change.kind == "added" else value_text(change.a, full=full)
    right = "not sent" if change.kind == "removed" else value_text(change.b, full=full)
    return line + Text(left, style=A) + Text(" → ") + Text(right, style=B)


def _path(path: str) -> str:
    """Return a path in a tool's definition as people name it: by argument."""
    return path.removeprefix("parameters.properties.").removeprefix("parameters.")


def _names(value: Any) -> bool:
    """Whether `value` is a set of names, of which only the additions and losses matter."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
