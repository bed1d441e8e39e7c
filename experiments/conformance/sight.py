"""Who sees what: which texts of a team stand in the requests of each agent.

Every agent of the cases marks what comes from it: its texts begin with `NAME-said`, its prompt ends
with `NAME-private`, and its calculator gives it a figure of its own.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from agentdyno.experiments.conformance.play import Played
from agentdyno.experiments.exchanges import Exchange

_TASK = re.compile(r"\b(?:TASK|LIMIT|LOOP|NOBODY) k[0-9]")


def sight(played: Played) -> dict[str, frozenset[str]]:
    """Return what each agent that called its model saw of the task and of the others.

    `task`: what the user said. `NAME`: a text of agent NAME. `NAME.result`: the result of its tool
    call, in whatever form but its text. `NAME.prompt`: its instructions.
    """
    seen: dict[str, frozenset[str]] = {}
    for exchange in played.exchanges:
        agent = exchange.call.agent
        found = frozenset(_found(played, agent, texts_of(exchange)))
        seen[agent] = seen.get(agent, frozenset()) | found
    return seen


def texts_of(exchange: Exchange) -> tuple[str, ...]:
    """Return every text of the messages of a request."""
    request = exchange.request
    return tuple(strings([request.get(key) for key in ("instructions", "messages", "input")]))


def strings(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, those of JSON in JSON too."""
    if isinstance(value, str):
        yield value
        if value[:1] in ("{", "["):
            try:
                yield from strings(json.loads(value))
            except ValueError:
                return
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def _found(played: Played, agent: str, texts: tuple[str, ...]) -> Iterator[str]:
    if any(_TASK.search(text) for text in texts):
        yield "task"
    for other in played.case.agents:
        if other.name == agent:
            continue
        if any(f"{other.name}-said" in text for text in texts):
            yield other.name
        if any(f"{other.name}-private" in text for text in texts):
            yield f"{other.name}.prompt"
        figure = played.case.figures.get(other.name)
        if figure and any(
            figure in text and "-said" not in text
            for text in texts
        ):
            yield f"{other.name}.result"
