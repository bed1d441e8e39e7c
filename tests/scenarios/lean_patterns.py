"""The patterns for the lean team: who works when, and what each sees."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import cycle

from agentdyno.core.pattern import (
    Handoff,
    Pipeline,
    Reflection,
    RoundRobin,
    Single,
    Supervisor,
)
from agentdyno.core.spec import AgentSpec
from agentdyno.tests.scenarios.lean import Json, Table

USER = "user"


@dataclass
class Chat:
    """What was said, and what each agent is shown of it."""

    table: Table
    log: list[tuple[str, list[Json], str]] = field(default_factory=list)
    """Who worked, the messages that this made, and the text that came out."""

    def heard(self, text: str) -> None:
        """Add what the user said."""
        self.log.append((USER, [{"role": "user", "content": text}], text))

    def shown(self, agent: AgentSpec, *, merged: bool = False) -> list[Json]:
        """Return the conversation as `agent` is shown it; `merged` into one message."""
        system = {"role": "system", "content": agent.instructions}
        if self.table.sight == "texts" and merged:
            said = "\n\n----------\n\n".join(f"{name}: {text}" for name, _, text in self.log)
            return [system, {"role": "user", "content": said}]
        shown: list[Json] = [system]
        for name, messages, text in self.log:
            if name == USER or self.table.sight == "all":
                shown += messages
            elif name != agent.name:
                shown.append({"role": "user", "name": name, "content": text})
            elif self.table.sight == "own":
                shown += messages
            else:
                shown.append({"role": "assistant", "content": text})
        return shown

    async def speak(self, name: str, *, merged: bool = True) -> str:
        """Let an agent say something to everybody."""
        agent = spec(self.table, name)
        messages = self.shown(agent, merged=merged)
        before = len(messages)
        text = await self.table.turn(agent, messages)
        self.log.append((name, messages[before:], text))
        return text


def spec(table: Table, name: str) -> AgentSpec:
    """Return an agent of the team."""
    return next(agent for agent in table.loaded.agents if agent.name == name)


async def answer(table: Table, turns: AsyncIterator[str], answers: list[str]) -> list[str]:
    """Play the scenario; return what the user said, while `answers` grows."""
    heard: list[str] = []
    chat = Chat(table)
    active = ""
    async for turn in turns:
        heard.append(turn)
        match table.loaded.scenario.pattern:
            case Single(agent=name):
                chat.heard(turn)
                answers.append(await chat.speak(name, merged=False))
            case Pipeline(steps=steps):
                answers.append(await _pipeline(table, turn, steps))
            case RoundRobin() as pattern:
                answers.append(await _round_robin(table, turn, pattern))
            case Reflection() as pattern:
                answers.append(await _reflection(table, turn, pattern))
            case Supervisor() as pattern:
                answers.append(await _supervisor(table, turn, pattern))
            case Handoff() as pattern:
                chat.heard(turn)
                active, text = await _handoff(chat, active or pattern.start, pattern)
                answers.append(text)
            case pattern:
                raise NotImplementedError(f"the lean team does not play {pattern.type}")
    return heard


async def _pipeline(table: Table, task: str, steps: tuple[str, ...]) -> str:
    said = [task]
    for name in steps:
        agent = spec(table, name)
        said.append(await table.turn(agent, [
            {"role": "system", "content": agent.instructions},
            {"role": "user", "content": "\n\n".join(said)},
        ]))
    return said[-1]


async def _round_robin(table: Table, task: str, pattern: RoundRobin) -> str:
    chat = Chat(table)
    chat.heard(task)
    for number, name in enumerate(cycle(pattern.agents), 1):
        text = await chat.speak(name)
        stopped = pattern.stop.text in text and name in (pattern.stop.by or pattern.agents)
        if stopped or number == pattern.max_messages:
            return text
    raise AssertionError("cycle ends never")


async def _reflection(table: Table, task: str, pattern: Reflection) -> str:
    chat = Chat(table)
    chat.heard(task)
    text = ""
    for _ in range(pattern.max_rounds):
        text = await chat.speak(pattern.writer)
        if pattern.approval in await chat.speak(pattern.critic):
            break
    return text


async def _supervisor(table: Table, task: str, pattern: Supervisor) -> str:
    manager = spec(table, pattern.manager)
    messages: list[Json] = [
        {"role": "system", "content": manager.instructions}, {"role": "user", "content": task},
    ]

    async def ask(name: str, task: str) -> str:
        worker = spec(table, name)
        seen = messages[1:-1] if table.sight == "all" else []
        system = {"role": "system", "content": worker.instructions}
        return await table.turn(worker, [system, *seen, {"role": "user", "content": task}])

    return await table.turn(manager, messages, {
        f"ask_{name}": lambda task, name=name: ask(name, task) for name in pattern.workers
    })


async def _handoff(chat: Chat, active: str, pattern: Handoff) -> tuple[str, str]:
    for _ in range(pattern.max_handoffs + 1):
        passed: list[str] = []

        async def transfer(_: str, to: str, passed: list[str] = passed) -> str:
            passed.append(to)
            return f"Transferred to {to}."

        agent = spec(chat.table, active)
        messages = chat.shown(agent)
        before = len(messages)
        text = await chat.table.turn(agent, messages, {
            f"transfer_to_{to}": lambda task, to=to: transfer(task, to)
            for to in pattern.handoffs.get(active, ())
        }, over=lambda passed=passed: bool(passed))
        chat.log.append((active, messages[before:], text))
        if not passed:
            return active, text
        active = passed[0]
    raise AssertionError("too many handoffs")
