"""Agents that are code of a test: given texts, a function, or rules of a scripted model."""

import inspect
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentdyno.core.errors import UsageError
from agentdyno.experiments.pytesting.scripted import Rules, ScriptedModel

Tool = Callable[..., Any]
"""A tool of a scripted mock: called with the arguments as keywords, sync or async."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """What an agent does with its turn: says a text, passes control, or gives out a task."""

    text: str = ""
    to: str = ""
    """Agent that gets control or the task."""
    kind: Literal["say", "handoff", "delegate"] = "say"


def hand_off(to: str, text: str = "") -> Move:
    """Return the move that passes control to agent `to`."""
    return Move(text=text, to=to, kind="handoff")


def delegate(to: str, task: str) -> Move:
    """Return the move that gives `task` to agent `to`."""
    return Move(text=task, to=to, kind="delegate")


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What an agent knows when its turn comes."""

    task: str
    """What the user said, or the task that was delegated."""
    before: tuple[tuple[str, str], ...] = ()
    """Agents and texts that it is shown, oldest first."""
    may_reach: tuple[str, ...] = ()
    """Agents that it can pass control or tasks to."""

    @property
    def last(self) -> str:
        """The newest text; the task when nobody has spoken."""
        return self.before[-1][1] if self.before else self.task


Answer = str | Move
Behaviour = Callable[[Heard], "Answer | Awaitable[Answer]"]


class MockAgent:
    """An agent for `run_graph`. Give it exactly one of `says`, `does`, `rules`.

    What it was told, turn by turn, is in `heard`.
    """

    def __init__(
        self, name: str, says: Answer | Sequence[Answer] | None = None, *,
        does: Behaviour | None = None, rules: Rules | None = None,
        tools: Mapping[str, Tool] | None = None, variables: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Args:
            name: the agent's name in the pattern.
            says: one answer for every turn, or a list with one for each turn.
            does: sync or async function from what is heard to the answer: your own agent's code.
            rules: rules of a scripted model, which may call `tools`, hand over and delegate.
            tools: functions that `rules` call by name.
            variables: `vars` of the rules.

        Raises:
            UsageError: none or several of the three are given.
            InputError: the rules hold problems.
        """
        if sum(given is not None for given in (says, does, rules)) != 1:
            raise UsageError(f"MockAgent {name!r} needs exactly one of says, does, rules.")
        if tools and rules is None:
            raise UsageError(f"MockAgent {name!r} has tools, which only `rules` can call.")
        self.name = name
        self.heard: list[Heard] = []
        """What it was told, turn by turn."""
        self._says = says
        self._does = does or (_Scripted(name, rules, tools or {}, variables) if rules else None)

    async def turn(self, heard: Heard) -> Move:
        """Take one turn.

        Raises:
            UsageError: it has no answer for this turn.
        """
        self.heard.append(heard)
        answer = await self._answer(heard)
        return Move(text=answer) if isinstance(answer, str) else answer

    async def _answer(self, heard: Heard) -> Answer:
        if self._does is not None:
            answer = self._does(heard)
            if isinstance(answer, str | Move):
                return answer
            return await answer
        assert self._says is not None
        if isinstance(self._says, str | Move):
            return self._says
        number = len(self.heard)
        if number > len(self._says):
            raise UsageError(
                f"MockAgent {self.name!r} was given turn {number} and has answers for "
                f"{len(self._says)}. It heard: {heard.last!r}",
                "give it more answers, or bound the pattern",
            )
        return self._says[number - 1]


class _Scripted:
    """A mock that plays rules as a model would see them, tool by tool."""

    def __init__(
        self, name: str, rules: Rules, tools: Mapping[str, Tool],
        variables: Mapping[str, Any] | None,
    ) -> None:
        self._name = name
        self._tools = tools
        self._model = ScriptedModel(
            {name: rules, **{other: [{"say": "-"}] for other in _reached(rules) if other != name}},
            variables,
        )

    async def __call__(self, heard: Heard) -> Answer:
        messages: list[dict[str, Any]] = [{"role": "user", "content": heard.task}]
        for who, text in heard.before:
            role = {"role": "assistant"} if who == self._name else {"role": "user", "name": who}
            messages.append({**role, "content": text})
        offers = [*map(_offer, self._tools), *(_offer(f"transfer_to_{name}", "task")
                                                for name in heard.may_reach)]
        while True:
            reply = await self._model.reply(messages, offers, agent=self._name)
            if not reply.calls:
                return reply.text
            messages.append({"role": "assistant", "content": reply.text, "tool_calls": [
                {"id": call.id, "type": "function",
                 "function": {"name": call.name, "arguments": call.arguments}}
                for call in reply.calls
            ]})
            for call in reply.calls:
                if call.name.startswith("transfer_to_") and call.name not in self._tools:
                    to, task = call.name.removeprefix("transfer_to_"), call.parsed.get("task", "")
                    return delegate(to, task) if task else hand_off(to, reply.text)
                result = self._tools[call.name](**call.parsed)
                result = await result if inspect.isawaitable(result) else result
                content = result if isinstance(result, str) else json.dumps(result)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": content})


def _reached(rules: Rules) -> list[str]:
    """Return the agents that rules hand over or delegate to."""
    given = [rule.get("delegate") for rule in rules]
    targets = [one.get("to") for one in given if isinstance(one, Mapping)]
    found = [name for name in (*targets, *(rule.get("handoff") for rule in rules)) if name]
    return list(dict.fromkeys(map(str, found)))


def _offer(name: str, *parameters: str) -> dict[str, Any]:
    properties = {parameter: {"type": "string"} for parameter in parameters}
    return {"type": "function", "function": {
        "name": name, "description": name, "parameters": {
            "type": "object", "properties": properties,
        },
    }}
