"""Tools of two requests: which stand for each other, and how their definitions differ."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from agentdyno.experiments.wirediff.asked import definition
from agentdyno.experiments.wirediff.nouns import Change, ToolDiff, ToolOrder, Where
from agentdyno.experiments.wirediff.structure import diff_json
from agentdyno.experiments.wirediff.texts import diff_lines, likeness, word_set
from agentdyno.models.conversation import ToolOffer

_RENAMED = 0.6
"""Likeness from which two tools of different names are one that was renamed."""

Offered = tuple[ToolOffer | None, ToolOffer | None]


class ToolDiffer:
    """Compares the tools of every pair of calls, and tells each difference once."""

    def __init__(self) -> None:
        self._tools: dict[tuple[str, str], tuple[Offered, dict[str, list[int]]]] = {}
        self._orders: dict[tuple[tuple[str, ...], ...], dict[str, list[int]]] = {}

    def add(
        self, agent: str, number: int, left: Sequence[ToolOffer], right: Sequence[ToolOffer]
    ) -> None:
        """Compare what one pair of calls offers."""
        pairs = pair_tools(left, right)
        for a, b in pairs:
            if a and b and a.name == b.name and not any(_changes(a, b)):
                continue
            key = (_key(a), _key(b))
            _, where = self._tools.setdefault(key, ((a, b), defaultdict(list)))
            where[agent].append(number)
        standing = {b.name: a.name for a, b in pairs if a and b}
        common = [standing[offer.name] for offer in right if offer.name in standing]
        original = [offer.name for offer in left if offer.name in standing.values()]
        if common != original:
            names = tuple(offer.name for offer in left), tuple(offer.name for offer in right)
            self._orders.setdefault(names, defaultdict(list))[agent].append(number)

    def found(self) -> tuple[ToolDiff, ...]:
        """Return each differing tool once."""
        return tuple(
            _difference(a, b, _frozen(where)) for (a, b), where in self._tools.values()
        )

    def orders(self) -> tuple[ToolOrder, ...]:
        """Return each differing order once."""
        return tuple(
            ToolOrder(a=a, b=b, where=_frozen(where)) for (a, b), where in self._orders.items()
        )


def pair_tools(left: Sequence[ToolOffer], right: Sequence[ToolOffer]) -> list[Offered]:
    """Pair tools by name, then the rest by what they say of themselves, most alike first."""
    by_name = {offer.name: offer for offer in right}
    twins = {offer.name: by_name[offer.name] for offer in left if offer.name in by_name}
    rest = [offer for offer in left if offer.name not in twins]
    others = [offer for offer in right if offer.name not in twins]
    ranked = sorted(
        ((_alike(a, b), i, j) for i, a in enumerate(rest) for j, b in enumerate(others)),
        key=lambda scored: -scored[0],
    )
    taken: set[int] = set()
    for score, i, j in ranked:
        if score >= _RENAMED and rest[i].name not in twins and j not in taken:
            twins[rest[i].name] = others[j]
            taken.add(j)
    pairs: list[Offered] = [(offer, twins.get(offer.name)) for offer in left]
    return pairs + [(None, offer) for j, offer in enumerate(others) if j not in taken]


def _alike(a: ToolOffer, b: ToolOffer) -> float:
    described = likeness(word_set(a.description), word_set(b.description))
    shaped = likeness(frozenset(a.properties), frozenset(b.properties))
    named = likeness(_name_words(a), _name_words(b))
    return 0.5 * described + 0.3 * shaped + 0.2 * named


def _name_words(offer: ToolOffer) -> frozenset[str]:
    return word_set(offer.name.replace("_", " ").replace("-", " ").lower())


def _key(offer: ToolOffer | None) -> str:
    # Not canonical: the order of parameters is what a model reads.
    return f"{offer.name} {offer.sent}" if offer else ""


def _changes(a: ToolOffer, b: ToolOffer) -> Iterator[Change]:
    return diff_json(definition(a), definition(b))


def _frozen(where: dict[str, list[int]]) -> Where:
    return {agent: tuple(numbers) for agent, numbers in where.items()}


def _difference(a: ToolOffer | None, b: ToolOffer | None, where: Where) -> ToolDiff:
    known: dict[str, Any] = {
        "a": a.name if a else None, "b": b.name if b else None, "where": where,
        "tokens_a": a.tokens if a else 0, "tokens_b": b.tokens if b else 0,
    }
    if a is None or b is None:
        return ToolDiff(**known)
    changes = tuple(change for change in _changes(a, b) if change.path != "description")
    return ToolDiff(
        **known, changes=changes, description=diff_lines(a.description, b.description)
    )
