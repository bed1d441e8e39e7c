"""Graphs in code: a chain, a fan-out, and any declared graph, read as its nested parts."""

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from agentdyno.core.graph import Choice, Flow, Fork, Loop, Node, Part, agents_of, structure
from agentdyno.core.pattern import Dag, Parallel, Pipeline
from agentdyno.runners._openai_agents_team import Desk
from agents import MaxTurnsExceeded

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, kw_only=True)
class _State:
    """Where the work stands on one way through a graph."""

    items: list[Any]
    """The conversation as this way saw it."""
    text: str = ""
    """What the agent said that worked last."""


async def pipeline(desk: Desk, pattern: Pipeline, turn: str) -> str:
    """Have the agents work one after the other."""
    desk.hear(turn)
    text = ""
    for name in pattern.steps:
        text = await desk.speak(name)
    return text


async def parallel(desk: Desk, pattern: Parallel, turn: str) -> str:
    """Have the agents work on the task side by side, and one of them join the texts."""
    desk.hear(turn)
    answers = await _together(desk.ask(name, desk.items) for name in pattern.agents)
    texts = [f"{name}:\n{text}" for name, (_, text) in zip(pattern.agents, answers, strict=True)]
    prompt = "\n\n".join((turn, "What each agent of the team wrote:", *texts))
    _, answer = await desk.ask(pattern.synthesizer, [{"role": "user", "content": prompt}])
    return answer


async def dag(desk: Desk, pattern: Dag, turn: str) -> str:
    """Have the agents work as the graph says."""
    desk.hear(turn)
    return (await _flow(desk, structure(pattern), _State(items=desk.items))).text


async def _flow(desk: Desk, flow: Flow, state: _State) -> _State:
    for part in flow:
        state = await _part(desk, part, state)
    return state


async def _part(desk: Desk, part: Part, state: _State) -> _State:
    match part:
        case Node(agent=agent):
            items, text = await desk.ask(agent, state.items)
            return _State(items=items, text=text)
        case Fork(branches=branches):
            ends = await _together(_flow(desk, branch, state) for branch in branches)
            before = len(state.items)
            added = [item for end in ends for item in end.items[before:]]
            return _State(items=[*state.items, *added], text=ends[-1].text)
        case Choice(options=options, otherwise=otherwise):
            fitting = [option.flow for option in options if option.when in state.text]
            return await _flow(desk, (*fitting, otherwise)[0], state)
        case Loop():
            return await _loop(desk, part, state)


async def _loop(desk: Desk, loop: Loop, state: _State) -> _State:
    for _ in range(loop.max + 1):
        state = await _flow(desk, loop.body, state)
        if loop.when not in state.text:
            return state
    agents = list(agents_of(loop.body))
    desk.tell.step("stopped", f"max of loop {agents[-1]} -> {agents[0]}")
    return state


async def _together(works: Iterable[Coroutine[Any, Any, ResultT]]) -> list[ResultT]:
    """Await `works` side by side.

    An agent at its limit lets the others finish, whose calls are in flight and will be billed;
    whatever else one raises cancels them.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_or_limit(work)) for work in works]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    done = [task.result() for task in tasks]
    for result in done:
        if isinstance(result, MaxTurnsExceeded):
            raise result
    return [result for result in done if not isinstance(result, MaxTurnsExceeded)]


async def _or_limit(work: Coroutine[Any, Any, ResultT]) -> ResultT | MaxTurnsExceeded:
    try:
        return await work
    except MaxTurnsExceeded as error:
        return error
