"""Messages of two requests: which stand for each other, and how they differ."""

from collections.abc import Sequence
from typing import Any, Literal

from agentdyno.experiments.wirediff.align import Pair, align
from agentdyno.experiments.wirediff.asked import Said
from agentdyno.experiments.wirediff.nouns import MessageDiff
from agentdyno.experiments.wirediff.texts import diff_lines, likeness

_FLOOR = 0.35
_OTHER_ROLE = 0.9
"""Factor for messages of two roles: the same text in the same role is the better match."""

Key = tuple[str, str | None, str]


class MessageDiffer:
    """Compares the calls of one agent, and tells each difference once."""

    def __init__(self) -> None:
        self._told: set[tuple[Key | None, Key | None]] = set()
        self._likeness: dict[tuple[Key, Key], float] = {}

    def compare(
        self, left: Sequence[Said], right: Sequence[Said]
    ) -> tuple[tuple[MessageDiff, ...], int]:
        """Return what differs for the first time, and how many differences were told before."""
        pairs = align(left, right, key=lambda said: said.key, alike=self._alike, floor=_FLOOR)
        new: list[MessageDiff] = []
        repeated = 0
        for (i, j), moved in _with_moves(pairs, left, right):
            a, b = (None if i is None else left[i]), (None if j is None else right[j])
            if a and b and a.key == b.key and not moved:
                continue
            what = (a.key if a else None, b.key if b else None)
            if what in self._told:
                repeated += 1
                continue
            self._told.add(what)
            host = _host(a or b, right if a else left) if a is None or b is None else None
            new.append(_difference(a, b, i, j, moved=moved, host=host))
        return tuple(new), repeated

    def _alike(self, a: Said, b: Said) -> float:
        pair = a.key, b.key
        if pair not in self._likeness:
            same = 1.0 if a.content == b.content else likeness(a.words, b.words)
            factor = 1.0 if a.message.role == b.message.role else _OTHER_ROLE
            self._likeness[pair] = same * factor
        return self._likeness[pair]


def _with_moves(
    pairs: Sequence[Pair], left: Sequence[Said], right: Sequence[Said]
) -> list[tuple[Pair, bool]]:
    """Join a message that is missing here and stands there to one that moved."""
    alone: dict[Key, list[int]] = {}
    for i, j in pairs:
        if i is not None and j is None:
            alone.setdefault(left[i].key, []).append(i)
    joined: list[tuple[Pair, bool]] = []
    taken: set[int] = set()
    for i, j in pairs:
        candidates = alone.get(right[j].key) if i is None and j is not None else None
        if candidates:
            origin = candidates.pop(0)
            taken.add(origin)
            joined.append(((origin, j), True))
        else:
            joined.append(((i, j), False))
    return [one for one in joined if one[1] or one[0][0] not in taken or one[0][1] is not None]


def _host(said: Said | None, others: Sequence[Said]) -> int | None:
    """Return the place of the message that holds every line of `said`; None when there is none."""
    lines = [line for line in map(str.strip, said.text.splitlines()) if line] if said else []
    if not lines:
        return None
    return next(
        (at for at, other in enumerate(others, 1) if all(line in other.text for line in lines)),
        None,
    )


def _difference(
    a: Said | None, b: Said | None, i: int | None, j: int | None, *, moved: bool,
    host: int | None,
) -> MessageDiff:
    told: dict[str, Any] = {
        "at_a": None if i is None else i + 1, "at_b": None if j is None else j + 1,
        "role_a": a and a.message.role, "role_b": b and b.message.role,
        "name_a": a and a.message.name, "name_b": b and b.message.name,
        "tokens_a": a.message.tokens if a else 0, "tokens_b": b.message.tokens if b else 0,
    }
    if moved:
        return MessageDiff(kind="moved", **told)
    text = diff_lines(a.text if a else "", b.text if b else "")
    if a is None or b is None:
        kind: Literal["added", "removed"] = "added" if a is None else "removed"
        return MessageDiff(kind=kind, text=text, stands_in=host, **told)
    same_content = a.text != b.text and a.content == b.content
    return MessageDiff(kind="form" if same_content else "changed", text=text, **told)
