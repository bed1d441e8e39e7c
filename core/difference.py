"""Where two JSON values differ, in words for people."""

import difflib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

ABSENT = object()
"""Stands for a value that one side does not have."""
_CONTEXT = 2
_AROUND = 40
_RUN = 12
_HUNK = re.compile(r"([-+])(\d+)")
_COMPARED = 2000
"""Lines of each side that a short diff looks at: difflib takes minutes for a million."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The first place where two values differ."""

    path: str
    """JSON path, such as `$.messages[1].content`."""
    old: Any
    new: Any
    """The values there; `ABSENT` where there is none."""


def first_difference(old: Any, new: Any, path: str = "$") -> Difference | None:
    """Return the first difference in the order of sorted keys and of indexes; None when equal.

    As in JSON texts, 1 and 1.0 differ, and so do 1 and true.
    """
    if type(old) is not type(new):
        return Difference(path=path, old=old, new=new)
    if isinstance(old, dict):
        for key in sorted(old.keys() | new.keys()):
            place = f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(key)}]"
            found = first_difference(old.get(key, ABSENT), new.get(key, ABSENT), place)
            if found:
                return found
        return None
    if isinstance(old, list):
        for at in range(max(len(old), len(new))):
            one, other = (values[at] if at < len(values) else ABSENT for values in (old, new))
            found = first_difference(one, other, f"{path}[{at}]")
            if found:
                return found
        return None
    return None if old == new else Difference(path=path, old=old, new=new)


def told(difference: Difference, names: tuple[str, str], limit: int = 160) -> list[str]:
    """Return three lines: the path, and the value on each side, cut around where they differ."""
    texts = [_shown(difference.old), _shown(difference.new)]
    start = max(0, _common(*texts) - _AROUND)
    width = max(map(len, names)) + 1
    return [difference.path] + [
        f"  {f'{name}:':{width}} {_window(text, start, limit)}"
        for name, text in zip(names, texts, strict=True)
    ]


def unified(
    old: Sequence[str], new: Sequence[str], names: tuple[str, str], *, most: int | None = 40,
    width: int | None = 200,
) -> list[str]:
    """Return a unified diff, its lines cut to `width` and their number to `most`.

    A line that is cut shows the place where it differs from the line that it replaces. Where not
    all is shown, no more is compared than may be shown.
    """
    start = 0
    if most is not None:
        start, old, new = _window_of_lines(old, new)
    lines = [
        _HUNK.sub(lambda m: f"{m[1]}{int(m[2]) + start}", line) if line.startswith("@@") else line
        for line in difflib.unified_diff(old, new, *names, n=_CONTEXT, lineterm="")
    ]
    if width is not None:
        lines = _narrow(lines, width)
    if most is not None:
        lines = _without_long_runs(lines)
        if len(lines) > most:
            lines = [*lines[:most], f"... and {len(lines) - most} more lines"]
    return lines


def _window_of_lines(
    old: Sequence[str], new: Sequence[str]
) -> tuple[int, Sequence[str], Sequence[str]]:
    """Return where the first difference is about to come, and a bounded number of lines there."""
    first = next(
        (at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other),
        min(len(old), len(new)),
    )
    start = max(0, first - _CONTEXT)
    return start, old[start: start + _COMPARED], new[start: start + _COMPARED]


def _without_long_runs(lines: Sequence[str]) -> list[str]:
    """Shorten what was removed or added in one piece, so that both are seen."""
    short: list[str] = []
    for sign, run in groupby(lines, key=lambda line: line[:1]):
        piece = list(run)
        if sign in "+-" and len(piece) > _RUN:
            piece = [*piece[:_RUN], f"{sign}... and {len(piece) - _RUN} more of these lines"]
        short += piece
    return short


def _narrow(lines: Sequence[str], width: int) -> list[str]:
    removed = [line[1:] for line in lines if line.startswith("-")]
    added = [line[1:] for line in lines if line.startswith("+")]
    narrow = []
    for line in lines:
        start = 0
        if len(line) > width and line[0] in "+-":
            others = added if line[0] == "-" else removed
            start = max((_common(line[1:], other) for other in others), default=0)
        narrow.append(line[:1] + _window(line[1:], max(0, start - _AROUND), width))
    return narrow


def _shown(value: Any) -> str:
    if value is ABSENT:
        return "(nothing)"
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _common(one: str, other: str) -> int:
    """Return the length of the common beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _window(text: str, start: int, width: int) -> str:
    if len(text) <= width:
        return text
    start = min(start, len(text) - width)
    end = start + width
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")
