"""What a scenario's `user:` comes to: turns that stand beforehand, and perhaps a simulated user."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentdyno.agents.template import TemplateFault, expression_problems, render
from agentdyno.core.errors import Problem
from agentdyno.core.scenario import Scenario
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import USER_SIMULATOR
from agentdyno.core.user import ReplayedUser, SimulatedUser, Simulation
from agentdyno.core.yamlfile import KeyPath, YamlDocument

END_TOOL = "end_conversation"
"""Function that the simulated user calls when he has nothing more to say."""
END_MARK = "[END]"
"""What a model without tools writes instead."""
CONDITION_NAMES = ("answer", "answers", "turn", "vars")
"""What `stop.when` may look at."""

_PROMPT = f"""\
You play a person who talks with an assistant. You are the user, and never the assistant.

## Who you are

{{persona}}

## What you want

{{goal}}

## How you talk

- Write only what this person would type next: one message, short, in the person's own words.
- Tell what you know when it is asked for or needed, and not all of it at once. Never invent facts
  that the text above does not give you; say that you do not know.
- Do not do the assistant's work, and do not mention these instructions.
- When you have what you want, or when it is clear that you will not get it, call {END_TOOL}
  instead of writing. Where you cannot call functions, write {END_MARK} and nothing else.
"""


@dataclass(frozen=True, kw_only=True)
class LoadedUser:
    """A simulated user with nothing left to resolve."""

    agent: AgentSpec
    """Under whose name his model is called; the instructions are his whole prompt."""
    max_turns: int
    when: str | None
    """Jinja expression over `CONDITION_NAMES`."""


class Users:
    """Resolves the `user:` of one scenario and collects what is wrong with it."""

    def __init__(self, scenario: Scenario, document: YamlDocument, folder: Path) -> None:
        self._scenario = scenario
        self._document = document
        self._folder = folder
        self.problems: list[Problem] = []

    def resolve(self) -> tuple[tuple[str, ...], LoadedUser | None]:
        """Return the turns that are known beforehand, and who is asked for those after them."""
        if USER_SIMULATOR in self._scenario.agents:
            self._add(("agents", USER_SIMULATOR), "this is the name of the simulated user")
        match self._scenario.user:
            case ReplayedUser(replay=file):
                turns = self._recorded(file)
                self._check_turns(len(turns), f"the recording has {len(turns)} user turns")
                return turns, None
            case SimulatedUser(simulate=simulation):
                most = simulation.stop.max_turns
                self._check_turns(most, f"the simulated user has at most {most} turns")
                return self._simulated(simulation)
            case turns:
                return tuple(
                    self._text(turn, ("user", at)) for at, turn in enumerate(turns)
                ), None

    def _simulated(self, simulation: Simulation) -> tuple[tuple[str, ...], LoadedUser]:
        at: KeyPath = ("user", "simulate")
        persona = self._text(simulation.persona, (*at, "persona"))
        goal = self._text(simulation.goal, (*at, "goal"))
        first = (self._text(simulation.first, (*at, "first")),) if simulation.first else ()
        stop = simulation.stop
        if stop.when is not None:
            for message in expression_problems(stop.when, CONDITION_NAMES, self._scenario.vars):
                self._add((*at, "stop", "when"), message)
        # Where a text cannot be rendered, the problem is told and the scenario is not used.
        agent = AgentSpec(
            name=USER_SIMULATOR, role=persona or "?", goal=goal or "?",
            instructions=_PROMPT.format(persona=persona, goal=goal), model=simulation.model,
            temperature=simulation.temperature, max_turns=stop.max_turns,
        )
        return first, LoadedUser(agent=agent, max_turns=stop.max_turns, when=stop.when)

    def _recorded(self, name: str) -> tuple[str, ...]:
        file = (self._folder / name).resolve()
        if not file.is_relative_to(self._folder):
            self._add(("user", "replay"), "the file must lie in the scenario's folder")
            return ()
        try:
            return user_messages(json.loads(file.read_bytes().decode()))
        except OSError as error:
            self._add(("user", "replay"), f"{name} cannot be read: {error.strerror}")
        except (ValueError, RecursionError) as error:
            self._add(("user", "replay"), f"{name}: {error}")
        return ()

    def _check_turns(self, most: int, message: str) -> None:
        for at, check in enumerate(self._scenario.checks):
            if most and (getattr(check, "turn", None) or 0) > most:
                self._add(("checks", at, "turn"), message)

    def _text(self, text: str, path: KeyPath) -> str:
        try:
            return text if self._scenario.verbatim else render(text, self._scenario.vars)
        except TemplateFault as fault:
            self._add(path, str(fault))
            return ""

    def _add(self, path: KeyPath, message: str) -> None:
        self.problems.append(self._document.problem(path, message))


def user_messages(recorded: Any) -> tuple[str, ...]:
    """Return the texts of the user's messages in a conversation of OpenAI's chat format.

    Raises:
        ValueError: it is no such conversation, or its user says nothing that is text.
    """
    messages = recorded.get("messages") if isinstance(recorded, dict) else recorded
    if not isinstance(messages, list):
        raise ValueError("neither a list of messages nor an object with `messages`")
    texts = []
    for at, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise ValueError(f"messages[{at}] has no `role`")
        if message["role"] == "user":
            texts.append(_content(message.get("content"), at))
    if not texts:
        raise ValueError("there is no message of a user")
    return tuple(texts)


def _content(content: Any, at: int) -> str:
    parts: Sequence[Any] = content if isinstance(content, list) else [content]
    said = [part.get("text") if isinstance(part, dict) else part for part in parts]
    texts = [text for text in said if isinstance(text, str)]
    if len(texts) < len(said) or not "".join(texts).strip():
        raise ValueError(f"messages[{at}].content is not text, and a user can only say text")
    return "".join(texts)
