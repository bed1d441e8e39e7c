"""How the nine patterns are played with mock agents."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agentdyno.core.errors import UsageError
from agentdyno.core.graph import Choice, Flow, Fork, Loop, Node, ends, structure
from agentdyno.core.pattern import (
    Dag,
    Handoff,
    Parallel,
    Pattern,
    Pipeline,
    Reflection,
    RoundRobin,
    Selector,
    Single,
    Stop,
    Supervisor,
)
from agentdyno.experiments.pytesting.mocks import Heard, MockAgent, Move

Said = tuple[str, str]
MOST_MOVES = 1000
"""Delegations of one manager after which a test is taken to be endless."""


@dataclass(eq=False, kw_only=True)
class Stage:
    """One turn of one agent."""

    agent: str
    heard: Heard
    said: str = field(default="")
    """Its text, the task it gave out, or the agent that it handed over to."""


class Team:
    """A team of mocks over one conversation."""

    def __init__(self, pattern: Pattern, mocks: Mapping[str, MockAgent]) -> None:
        self._pattern = pattern
        self._mocks = mocks
        self._active = pattern.start if isinstance(pattern, Handoff) else ""
        self._past: list[Said] = []
        self.stages: list[Stage] = []
        """Turns in the order in which they began."""
        self.stops: list[str] = []
        """Limits that were met."""

    async def answer(self, task: str) -> str:
        """Return the team's answer to what the user says next."""
        past = tuple(self._past)
        answer = await self._play(task, past)
        self._past += [("user", task), ("team", answer)]
        return answer

    async def _play(self, task: str, past: tuple[Said, ...]) -> str:
        match self._pattern:
            case Single(agent=agent):
                return await self._say(agent, task, past)
            case Pipeline(steps=steps):
                flow: Flow = tuple(Node(agent=agent) for agent in steps)
                return (await self._flow(flow, task, past))[-1][1]
            case Dag() as dag:
                return (await self._flow(structure(dag), task, past))[-1][1]
            case Parallel(agents=agents, synthesizer=last):
                texts = await asyncio.gather(*(self._say(one, task, past) for one in agents))
                found = tuple(zip(agents, texts, strict=True))
                return await self._say(last, task, (*past, *found))
            case RoundRobin() as chat:
                return await self._chat(chat.agents, chat.stop, chat.max_messages, task, past)
            case Selector() as chat:
                return await self._selected(chat, task, past)
            case Reflection() as pair:
                return await self._reflect(pair, task, past)
            case Supervisor() as team:
                return await self._supervise(team, task, past)
            case Handoff() as swarm:
                return await self._hand_over(swarm, task, past)

    async def _turn(
        self, agent: str, task: str, before: Sequence[Said], may_reach: Sequence[str] = ()
    ) -> Move:
        heard = Heard(task=task, before=tuple(before), may_reach=tuple(may_reach))
        stage = Stage(agent=agent, heard=heard)
        self.stages.append(stage)
        move = await self._mocks[agent].turn(heard)
        if move.kind != "say" and move.to not in may_reach:
            near = ", ".join(may_reach) or "nobody"
            raise UsageError(f"{agent} cannot reach {move.to!r} here; it can reach {near}.")
        stage.said = move.text or f"-> {move.to}"
        return move

    async def _say(self, agent: str, task: str, before: Sequence[Said]) -> str:
        return (await self._turn(agent, task, before)).text

    async def _flow(self, flow: Flow, task: str, before: Sequence[Said]) -> list[Said]:
        """Play parts in order; returns what stood before them and what was said in them."""
        told = list(before)
        for part in flow:
            match part:
                case Node(agent=agent):
                    told.append((agent, await self._say(agent, task, told)))
                case Fork(branches=branches):
                    done = await asyncio.gather(*(self._flow(b, task, told) for b in branches))
                    told += [said for branch in done for said in branch[len(told):]]
                case Choice(options=options, otherwise=otherwise):
                    taken = next((o.flow for o in options if o.when in told[-1][1]), otherwise)
                    told = await self._flow(taken, task, told)
                case Loop():
                    told = await self._loop(part, task, told)
        return told

    async def _loop(self, loop: Loop, task: str, before: Sequence[Said]) -> list[Said]:
        told = await self._flow(loop.body, task, before)
        for _ in range(loop.max):
            if loop.when not in told[-1][1]:
                return told
            told = await self._flow(loop.body, task, told)
        if loop.when in told[-1][1]:
            self.stops.append(f"max of the loop after {next(ends(loop.body))}")
        return told

    async def _chat(
        self, agents: Sequence[str], stop: Stop, most: int, task: str, past: tuple[Said, ...]
    ) -> str:
        told = list(past)
        for number in range(most):
            agent = agents[number % len(agents)]
            told.append((agent, await self._say(agent, task, told)))
            if _stops(stop, *told[-1]):
                return told[-1][1]
        self.stops.append("max_messages")
        return told[-1][1]

    async def _selected(self, chat: Selector, task: str, past: tuple[Said, ...]) -> str:
        told, spoke = list(past), ""
        for _ in range(chat.max_messages):
            free = [a for a in chat.agents if chat.allow_repeated_speaker or a != spoke]
            move = await self._turn(chat.selector, task, told, free)
            spoke = move.to or move.text.strip()
            if spoke not in free:
                raise UsageError(f"{chat.selector} chose {spoke!r}; it may choose "
                                 f"{', '.join(free)}.")
            told.append((spoke, await self._say(spoke, task, told)))
            if _stops(chat.stop, *told[-1]):
                return told[-1][1]
        self.stops.append("max_messages")
        return told[-1][1]

    async def _reflect(self, pair: Reflection, task: str, past: tuple[Said, ...]) -> str:
        told = list(past)
        for _ in range(pair.max_rounds):
            written = await self._say(pair.writer, task, told)
            told.append((pair.writer, written))
            told.append((pair.critic, await self._say(pair.critic, task, told)))
            if pair.approval in told[-1][1]:
                return written
        self.stops.append("max_rounds")
        return written

    async def _supervise(self, team: Supervisor, task: str, past: tuple[Said, ...]) -> str:
        told = list(past)
        for _ in range(MOST_MOVES):
            move = await self._turn(team.manager, task, told, team.workers)
            if move.kind == "say":
                return move.text
            # A worker sees the task that it was given, and nothing of the conversation.
            told.append((move.to, await self._say(move.to, move.text, ())))
        raise UsageError(f"{team.manager} gave out {MOST_MOVES} tasks and never answered.")

    async def _hand_over(self, swarm: Handoff, task: str, past: tuple[Said, ...]) -> str:
        told = list(past)
        for _ in range(swarm.max_handoffs + 1):
            agent = self._active
            move = await self._turn(agent, task, told, swarm.handoffs.get(agent, ()))
            if move.text:
                told.append((agent, move.text))
            if move.kind == "say":
                return move.text
            self._active = move.to
        self.stops.append("max_handoffs")
        return ""


def _stops(stop: Stop, agent: str, text: str) -> bool:
    return stop.text in text and (not stop.by or agent in stop.by)
