"""Agents that talk to each other in Pydantic AI, each on a message history of its own.

round_robin, selector, reflection, parallel, dag: an agent sees the task, then, as a prompt that
names the speakers, what the others said since it spoke last; its own tool calls and never theirs.
The selector's agent sees its instructions, the team, the task and all texts, anew for each choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic_ai.exceptions import UnexpectedModelBehavior
from pydantic_ai.messages import ModelRequest, UserPromptPart

from agentdyno.core.pattern import RoundRobin, Selector
from agentdyno.runners._pydantic_ai_team import Equipment, Talk, Team

OTHERS = "The others said:\n\n{said}"
"""Prompt by which an agent hears the others."""
SELECT = (
    "The team:\n{team}\n\nThe task:\n{task}\n\nThe conversation:\n{said}\n\n"
    "Select the next speaker: one of {names}."
)
"""Prompt by which the selector is asked."""
RETRIES = 2
"""A selector that names nobody is asked three times in all, in Pydantic AI's own words."""


class NobodyChosen(Exception):
    """The selector named nobody who may speak, however often it was asked."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Said:
    """A text of an agent."""

    agent: str
    text: str


class Table:
    """The histories of agents that hear each other in one user turn."""

    def __init__(self, team: Team, talk: Talk, task: str) -> None:
        self.task = task
        self.again: dict[str, int] = {}
        """How often each loop of a graph has gone back since it was entered."""
        self._team = team
        self._talk = talk
        self._histories: dict[str, list[Any]] = {}
        self._heard: dict[str, set[Said]] = {}

    @property
    def talk(self) -> Talk:
        """The trial."""
        return self._talk

    async def speak(
        self, name: str, said: Sequence[Said], to: tuple[str, ...] = ()
    ) -> Said:
        """Have agent `name` answer to what it has not heard yet of `said`, and tell it `to`."""
        heard = self._heard.setdefault(name, set())
        news = [each for each in said if each not in heard]
        history = self._histories.get(name) or [ModelRequest([UserPromptPart(self.task)])]
        prompt = OTHERS.format(said=_listed(news)) if news else None
        result = await self._team.run(name, prompt, history, self._talk)
        self._histories[name] = result.all_messages()
        own = Said(agent=name, text=result.output)
        heard.update(news, [own])
        self._talk.teller.said(name, own.text, to)
        return own


def _listed(said: Sequence[Said]) -> str:
    return "\n\n".join(f"{each.agent}: {each.text}" for each in said)


async def round_robin(team: Team, talk: Talk, turn: str) -> str:
    """Have the agents speak in order until the stop."""
    pattern = team.pattern
    assert isinstance(pattern, RoundRobin)
    table, said = Table(team, talk, turn), list[Said]()
    while not said or not _ended(pattern, said, talk):
        speaker = pattern.agents[len(said) % len(pattern.agents)]
        said.append(await table.speak(speaker, said))
    return said[-1].text


def equip(team: Team, name: str) -> Equipment:
    """Return what the pattern adds to the selector's agent: patience."""
    assert isinstance(team.pattern, Selector)
    return Equipment(output_retries=RETRIES if name == team.pattern.selector else 1)


async def selector(team: Team, talk: Talk, turn: str) -> str:
    """Have whomever the selector names speak until the stop.

    Raises:
        NobodyChosen: the selector named nobody who may speak, three times.
    """
    pattern = team.pattern
    assert isinstance(pattern, Selector)
    table, said = Table(team, talk, turn), list[Said]()
    while not said or not _ended(pattern, said, talk):
        speaker = await _chosen(team, pattern, table, said)
        said.append(await table.speak(speaker, said))
    return said[-1].text


def _ended(pattern: RoundRobin | Selector, said: list[Said], talk: Talk) -> bool:
    last, stop = said[-1], pattern.stop
    if stop.text in last.text and (not stop.by or last.agent in stop.by):
        talk.teller.step("stopped", "text", agent=last.agent)
        return True
    if len(said) >= pattern.max_messages:
        talk.teller.step("stopped", "max_messages")
        return True
    return False


async def _chosen(team: Team, pattern: Selector, table: Table, said: list[Said]) -> str:
    names = list(pattern.agents)
    if said and not pattern.allow_repeated_speaker:
        names.remove(said[-1].agent)
    chosen = names[0] if len(names) == 1 else await _asked(team, pattern, table, said, names)
    table.talk.teller.step("selected", chosen, agent=pattern.selector, to=chosen)
    return chosen


async def _asked(
    team: Team, pattern: Selector, table: Table, said: list[Said], names: list[str]
) -> str:
    asked = SELECT.format(
        team="\n".join(
            f"- {spec.name}: {spec.role}. {spec.goal}" for spec in map(team.spec, names)
        ),
        task=table.task, said=_listed(said) or "(nobody has spoken yet)", names=", ".join(names),
    )
    try:
        result = await team.run(
            pattern.selector, asked, [], table.talk, output_type=Literal[tuple(names)]
        )
    except UnexpectedModelBehavior as error:
        raise NobodyChosen(
            f"{pattern.selector} was asked who speaks next and named none of"
            f" {', '.join(names)}: {error}"
        ) from error
    return str(result.output)
