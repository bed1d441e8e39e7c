"""Text diffs: by line, and by word within a changed line."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import zip_longest

from agentdyno.experiments.wirediff.nouns import Line

Segments = list[tuple[bool, str]]
"""Pieces of a line, each with whether it differs."""

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_ALIKE = 0.3
"""Ratio of common words from which two lines are one line that changed."""
_NEAR = 50
"""Lines within which the line is looked for that another one became."""
_MANY = 10_000
"""Lines of both texts beyond which they are compared place by place: the search for what moved
would take minutes."""
_LONG = 4000
"""Words of both lines beyond which what differs is not searched for equal words within."""


def diff_lines(a: str, b: str) -> tuple[Line, ...]:
    """Return both texts row by row, with changed lines beside each other; () when equal."""
    if a == b:
        return ()
    left, right = a.splitlines(), b.splitlines()
    if len(left) + len(right) > _MANY:
        rows = [_row(*pair) for pair in zip_longest(left, right)]
    else:
        rows = _aligned(left, right)
    if all(row.kind == "same" for row in rows):
        # Texts that differ in their line ends alone.
        rows.append(Line(kind="changed", a=repr(a[-2:]), b=repr(b[-2:])))
    return tuple(rows)


def _row(a: str | None, b: str | None) -> Line:
    if a is None or b is None:
        return Line(kind="added" if a is None else "removed", a=a, b=b)
    return Line(kind="same" if a == b else "changed", a=a, b=b)


def _aligned(left: Sequence[str], right: Sequence[str]) -> list[Line]:
    rows: list[Line] = []
    for kind, i, i_end, j, j_end in SequenceMatcher(None, left, right, False).get_opcodes():
        if kind == "equal":
            rows += [Line(kind="same", a=line, b=line) for line in left[i:i_end]]
        else:
            rows += _replaced(left[i:i_end], right[j:j_end])
    return rows


def _replaced(left: Sequence[str], right: Sequence[str]) -> list[Line]:
    """Pair the lines that are alike, in order; the others are removed and added."""
    rows: list[Line] = []
    words = [word_set(line) for line in right]
    j = 0
    for line in left:
        own = word_set(line)
        near = range(j, min(j + _NEAR, len(right)))
        match = next((k for k in near if likeness(own, words[k]) >= _ALIKE), None)
        if match is None:
            rows.append(Line(kind="removed", a=line))
            continue
        rows += [Line(kind="added", b=other) for other in right[j:match]]
        rows.append(Line(kind="changed", a=line, b=right[match]))
        j = match + 1
    return rows + [Line(kind="added", b=other) for other in right[j:]]


def word_set(text: str) -> frozenset[str]:
    """Return the words of `text`."""
    return frozenset(re.findall(r"\w+", text))


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Return how alike two sets of words are, from 0 to 1; a text that contains the other one is
    at least half alike."""
    if not one or not other:
        return 1.0 if one == other else 0.0
    common = len(one & other)
    return (common / min(len(one), len(other)) + common / max(len(one), len(other))) / 2


def diff_words(a: str, b: str) -> tuple[Segments, Segments]:
    """Return the pieces of both lines, with the words that differ marked."""
    left, right = _WORDS.findall(a), _WORDS.findall(b)
    start = _common(left, right)
    end = _common(left[start:][::-1], right[start:][::-1])
    middle = [words[start : len(words) - end] for words in (left, right)]
    one: Segments = [(False, "".join(left[:start]))]
    other: Segments = [(False, "".join(right[:start]))]
    for kind, i, i_end, j, j_end in _opcodes(*middle):
        one.append((kind != "equal", "".join(middle[0][i:i_end])))
        other.append((kind != "equal", "".join(middle[1][j:j_end])))
    tail = (False, "".join(left[len(left) - end :]))
    return [s for s in (*one, tail) if s[1]], [s for s in (*other, tail) if s[1]]


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    """Return how many items both begin with."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(left), len(right)))


def _opcodes(left: list[str], right: list[str]) -> list[tuple[str, int, int, int, int]]:
    if len(left) + len(right) > _LONG:
        return [("replace", 0, len(left), 0, len(right))]
    return list(SequenceMatcher(None, left, right, False).get_opcodes())
