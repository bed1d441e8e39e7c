"""Text diffs: by line, and by word within a changed line."""

import re
from difflib import SequenceMatcher

from agentdyno.experiments.wirediff.nouns import Line

Segments = list[tuple[bool, str]]
"""Pieces of a line, each with whether it differs."""

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_ALIKE = 0.3
"""Ratio of common words from which two lines are one line that changed."""
_LONG = 4000
"""Words of both lines beyond which a changed line is not searched for its changed words."""


def diff_lines(a: str, b: str) -> tuple[Line, ...]:
    """Return both texts row by row, with changed lines beside each other; () when equal."""
    if a == b:
        return ()
    left, right = a.splitlines(), b.splitlines()
    rows: list[Line] = []
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind == "equal":
            rows += [Line(kind="same", a=line, b=line) for line in left[i:i_end]]
        else:
            rows += _replaced(left[i:i_end], right[j:j_end])
    if all(row.kind == "same" for row in rows):
        # Texts that differ in their line ends alone.
        rows.append(Line(kind="changed", a=repr(a[-2:]), b=repr(b[-2:])))
    return tuple(rows)


def _replaced(left: list[str], right: list[str]) -> list[Line]:
    """Pair the lines that are alike, in order; the others are removed and added."""
    rows: list[Line] = []
    j = 0
    for line in left:
        match = next((k for k in range(j, len(right)) if _similar(line, right[k])), None)
        if match is None:
            rows.append(Line(kind="removed", a=line))
            continue
        rows += [Line(kind="added", b=other) for other in right[j:match]]
        rows.append(Line(kind="changed", a=line, b=right[match]))
        j = match + 1
    return rows + [Line(kind="added", b=other) for other in right[j:]]


def _similar(one: str, other: str) -> bool:
    return likeness(word_set(one), word_set(other)) >= _ALIKE


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
    if len(left) + len(right) > _LONG:
        return [(True, a)], [(True, b)]
    one: Segments = []
    other: Segments = []
    for kind, i, i_end, j, j_end in SequenceMatcher(None, left, right, False).get_opcodes():
        for pieces, found in ((one, left[i:i_end]), (other, right[j:j_end])):
            if found:
                pieces.append((kind != "equal", "".join(found)))
    return one, other
