"""Two trials and their wire records -> a `TrialDiff`."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from agentdyno.core.event import WireRecord
from agentdyno.core.trial import Trial
from agentdyno.experiments.wirediff.align import align
from agentdyno.experiments.wirediff.asked import Asked, asked_of
from agentdyno.experiments.wirediff.conversations import MessageDiffer
from agentdyno.experiments.wirediff.nouns import (
    CallDiff,
    Change,
    MessageDiff,
    ParameterDiff,
    Parts,
    Side,
    TrialDiff,
    Where,
)
from agentdyno.experiments.wirediff.structure import diff_json
from agentdyno.experiments.wirediff.texts import likeness
from agentdyno.experiments.wirediff.toolsets import ToolDiffer
from agentdyno.models.conversation import canonical

_FLOOR = 0.2
"""Likeness from which two calls of one agent are taken for the same step of its work."""

Recorded = tuple[Trial, Sequence[WireRecord]]


def diff_trials(a: Recorded, b: Recorded) -> TrialDiff:
    """Return how `b` asked the model differently from `a`."""
    left, right = asked_of(*a), asked_of(*b)
    parameters = _Parameters()
    tools = ToolDiffer()
    calls: list[CallDiff] = []
    for agent in dict.fromkeys(one.call.agent for one in [*left, *right]):
        messages = MessageDiffer()
        pairs = _pair_calls([one for one in left if one.call.agent == agent],
                            [one for one in right if one.call.agent == agent])
        for number, (one, other) in enumerate(pairs, 1):
            told: tuple[MessageDiff, ...] = ()
            repeated = 0
            if one and other:
                parameters.add(agent, number, one, other)
                tools.add(agent, number, one.offers, other.offers)
                told, repeated = messages.compare(one.messages, other.messages)
            calls.append(CallDiff(
                agent=agent, number=number, a=one.noun() if one else None,
                b=other.noun() if other else None, messages=told, repeated=repeated,
            ))
    return TrialDiff(
        a=_side(a[0], left), b=_side(b[0], right), calls=tuple(calls),
        parameters=parameters.found(), tools=tools.found(), order=tools.orders(),
        notes=tuple(_notes(a[0], b[0], left, right)),
    )


def _pair_calls(
    left: Sequence[Asked], right: Sequence[Asked]
) -> list[tuple[Asked | None, Asked | None]]:
    """Pair one agent's calls by position and likeness."""
    pairs = align(left, right, key=_fingerprint, alike=_alike, floor=_FLOOR)
    return [
        (None if i is None else left[i], None if j is None else right[j]) for i, j in pairs
    ]


def _fingerprint(one: Asked) -> Any:
    return tuple(said.key for said in one.messages), tuple(offer.name for offer in one.offers)


def _alike(one: Asked, other: Asked) -> float:
    """Return how alike two requests are: what is new in them, whether the answer wanted the same
    tools, and what tools they offer."""
    tools = [frozenset(asked.call.tools_offered) for asked in (one, other)]
    wanted = [frozenset(asked.call.tools_called) for asked in (one, other)]
    return (2 * likeness(one.tail, other.tail) + likeness(*wanted) + likeness(*tools)) / 4


def _side(trial: Trial, asked: Sequence[Asked]) -> Side:
    key = trial.key
    return Side(
        trial=trial.id, scenario=key.scenario, runner=f"{key.runner} {key.runner_version}",
        variant=key.variant, repeat=key.repeat, model=key.model, retries=key.retries,
        faults=key.faults, stream=key.stream, calls=len(asked),
        tokens=sum((one.parts for one in asked), Parts()),
    )


class _Parameters:
    """Collects differing parameters over all calls."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Change, dict[str, list[int]]]] = {}

    def add(self, agent: str, number: int, a: Asked, b: Asked) -> None:
        """Compare the parameters of one pair."""
        for change in diff_json(a.parameters, b.parameters):
            key = canonical(change.model_dump())
            _, where = self._seen.setdefault(key, (change, defaultdict(list)))
            where[agent].append(number)

    def found(self) -> tuple[ParameterDiff, ...]:
        """Return each difference once."""
        return tuple(
            ParameterDiff(change=change, where=frozen(where))
            for change, where in self._seen.values()
        )


def frozen(where: dict[str, list[int]]) -> Where:
    """Return `where` as it is told."""
    return {agent: tuple(numbers) for agent, numbers in where.items()}


def _notes(
    a: Trial, b: Trial, left: Sequence[Asked], right: Sequence[Asked]
) -> Iterable[str]:
    if a.id == b.id:
        yield "both are the same trial"
    if a.key.scenario != b.key.scenario:
        yield f"two scenarios: {a.key.scenario} and {b.key.scenario}"
    elif a.key.scenario_digest != b.key.scenario_digest:
        yield f"{a.key.scenario} was changed between the two trials"
    for name, trial, asked in (("A", a, left), ("B", b, right)):
        made = [event for event in trial.events if event.kind == "model_call"]
        if not asked:
            yield f"{name} asked the model nothing: {trial.outcome} {trial.reason}".rstrip()
        embeddings = sum(event.api == "embeddings" for event in made)
        if embeddings:
            yield f"{name}: {embeddings} embedding requests are not compared"
        broken = [one for one in asked if one.unreadable]
        if broken:
            yield (f"{name}: messages and tools of {len(broken)} requests are not compared "
                   f"({broken[0].unreadable})")
