"""Conversations in code: the SDK has no group chat, and documents `Runner.run` in loops of one's
own."""

import re
from collections.abc import Awaitable, Callable
from itertools import cycle

from agentdyno.core.pattern import Reflection, RoundRobin, Selector, Single
from agentdyno.runners._openai_agents_team import Desk

ATTEMPTS = 3
"""How often a selector is asked for one choice."""
_ASK = """The team:
{team}

The conversation:

{said}

Select the next speaker from {candidates}. Only return the name."""
_AGAIN = "That names no one, or not exactly one, of {candidates}. Only return the name."


class NobodyNamed(Exception):
    """A selector named nobody who may speak."""


async def single(desk: Desk, pattern: Single, turn: str) -> str:
    """Have the agent answer."""
    desk.hear(turn)
    return await desk.speak(pattern.agent)


async def round_robin(desk: Desk, pattern: RoundRobin, turn: str) -> str:
    """Have the agents speak in turn."""
    order = cycle(pattern.agents)

    async def following() -> str:
        return next(order)

    desk.hear(turn)
    return await _converse(desk, pattern, following, [])


async def selector(desk: Desk, pattern: Selector, turn: str) -> str:
    """Have the agents speak as the selector says."""
    said = [("user", turn)]
    desk.hear(turn)
    return await _converse(desk, pattern, lambda: _choose(desk, pattern, said), said)


async def reflection(desk: Desk, pattern: Reflection, turn: str) -> str:
    """Have the writer write and mend until the critic approves."""
    desk.hear(turn)
    draft = ""
    for number in range(1, pattern.max_rounds + 1):
        desk.tell.step("round", "round", round=number)
        draft = await desk.speak(pattern.writer)
        _, word = await desk.ask(pattern.critic, desk.items)
        if pattern.approval in word:
            desk.tell.step("stopped", "approval")
            return draft
        desk.hear(f"Feedback: {word}")
    desk.tell.step("stopped", "max_rounds")
    return draft


async def _converse(
    desk: Desk, pattern: RoundRobin | Selector, following: Callable[[], Awaitable[str]],
    said: list[tuple[str, str]],
) -> str:
    """Have agents speak until the word is said; `said` is given each text."""
    text = ""
    for _ in range(pattern.max_messages):
        speaker = await following()
        text = await desk.speak(speaker)
        said.append((speaker, text))
        if pattern.stop.text in text and speaker in (pattern.stop.by or pattern.agents):
            desk.tell.step("stopped", "text")
            return text
    desk.tell.step("stopped", "max_messages")
    return text


async def _choose(desk: Desk, pattern: Selector, said: list[tuple[str, str]]) -> str:
    """Return who speaks next; nobody is asked where one candidate is left.

    Raises:
        NobodyNamed: the selector named none of the candidates as often as it is asked.
    """
    last = said[-1][0]
    candidates = [
        name for name in pattern.agents if name != last or pattern.allow_repeated_speaker
    ]
    if len(candidates) == 1:
        choice = candidates[0]
    else:
        choice = await _asked(desk, pattern, said, candidates)
    desk.tell.step("selected", "next speaker", agent=pattern.selector, to=choice)
    return choice


async def _asked(
    desk: Desk, pattern: Selector, said: list[tuple[str, str]], candidates: list[str]
) -> str:
    specs = [desk.team.spec(name) for name in pattern.agents]
    names = ", ".join(candidates)
    prompt = _ASK.format(
        team="\n".join(f"{spec.name}: {spec.role}: {spec.goal}" for spec in specs),
        said="\n\n".join(f"{name}: {text}" for name, text in said), candidates=names,
    )
    items = [{"role": "user", "content": prompt}]
    word = ""
    for _ in range(min(ATTEMPTS, desk.team.spec(pattern.selector).max_turns)):
        items, word = await desk.ask(pattern.selector, items)
        named = [name for name in pattern.agents if re.search(rf"\b{name}\b", word)]
        if len(named) == 1 and named[0] in candidates:
            return named[0]
        items = [*items, {"role": "user", "content": _AGAIN.format(candidates=names)}]
    raise NobodyNamed(
        f"the selector {pattern.selector} named no next speaker of {names}; its last word: {word}"
    )
