"""Passing work and control in Pydantic AI.

pipeline    The documented programmatic hand-off: each agent runs on the message history of those
            before it, tool calls too, without a prompt of its own.
supervisor  Agent delegation: the manager has a tool named after each worker, whose one argument is
            the task. A worker sees its task and nothing else; the manager sees its text, or that it
            failed, as the tool's result.
handoff     Output functions: `transfer_to_COLLEAGUE` without arguments ends the agent's run with
            the run of the colleague, who sees the conversation with all tool calls and what was
            said beside the transfer, but not the call: Pydantic AI's example leaves it out too.
"""

from dataclasses import dataclass
from typing import Any

from pydantic_ai import RunContext, Tool, ToolOutput
from pydantic_ai.exceptions import (
    ModelAPIError,
    ToolFailed,
    UnexpectedModelBehavior,
    UsageLimitExceeded,
)
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart

from agentdyno.core.pattern import Handoff, Pipeline, Single, Supervisor
from agentdyno.runners._pydantic_ai_team import Equipment, Talk, Team

_FAILURES = (ModelAPIError, UnexpectedModelBehavior, UsageLimitExceeded)
"""How a worker's run fails."""


class HandoffLimit(Exception):
    """Control passed as often as it may, and an agent wants to pass it once more."""


async def single(team: Team, talk: Talk, turn: str) -> str:
    """Have the agent answer."""
    pattern = team.pattern
    assert isinstance(pattern, Single)
    result = await team.run(pattern.agent, turn, talk.history, talk)
    talk.history = result.all_messages()
    return str(result.output)


async def pipeline(team: Team, talk: Talk, turn: str) -> str:
    """Have the agents work one after the other on one history."""
    pattern = team.pattern
    assert isinstance(pattern, Pipeline)
    prompt: str | None = turn
    text = ""
    for name in pattern.steps:
        talk.teller.step("node", name, agent=name)
        result = await team.run(name, prompt, talk.history, talk)
        talk.history, prompt, text = result.all_messages(), None, str(result.output)
        talk.teller.said(name, text)
    return text


def manager(team: Team, name: str) -> Equipment:
    """Return the manager's tools: one per worker."""
    pattern = team.pattern
    assert isinstance(pattern, Supervisor)
    if name != pattern.manager:
        return Equipment()
    return Equipment(tools=[_worker(team, name, worker) for worker in pattern.workers])


def _worker(team: Team, manager: str, name: str) -> Tool[Talk]:
    async def work(context: RunContext[Talk], task: str) -> str:
        talk = context.deps
        talk.teller.step("delegated", task, agent=manager, to=name)
        try:
            result = await team.run(name, task, [], talk)
        except _FAILURES as failure:
            reason = f"{name} failed: {type(failure).__name__}: {failure}"
            talk.teller.step("returned", reason, agent=name, to=manager)
            raise ToolFailed(reason) from failure
        talk.teller.said(name, result.output, (manager,))
        talk.teller.step("returned", "", agent=name, to=manager)
        return str(result.output)

    spec = team.spec(name)
    return Tool(
        work, takes_ctx=True, name=name,
        description=f"Have {name} ({spec.role}) do a task. Goal: {spec.goal}",
    )


async def supervisor(team: Team, talk: Talk, turn: str) -> str:
    """Have the manager answer."""
    pattern = team.pattern
    assert isinstance(pattern, Supervisor)
    result = await team.run(pattern.manager, turn, [], talk)
    talk.teller.said(pattern.manager, result.output)
    return str(result.output)


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """What came of a run in which control may have passed."""

    agent: str
    text: str
    messages: list[ModelMessage]


def passing(team: Team, name: str) -> Equipment:
    """Return the output functions by which agent `name` passes control."""
    pattern = team.pattern
    assert isinstance(pattern, Handoff)
    colleagues = pattern.handoffs.get(name, ())
    if not colleagues:
        return Equipment()
    return Equipment(outputs=[str, *(_transfer(team, name, to) for to in colleagues)])


def _transfer(team: Team, name: str, to: str) -> Any:
    pattern = team.pattern
    assert isinstance(pattern, Handoff)
    tool, most = f"transfer_to_{to}", pattern.max_handoffs

    # Not told as the _Outcome that it is: making a schema of all messages takes over a second.
    async def transfer(context: RunContext[Talk]) -> Any:
        talk = context.deps
        if talk.handoffs >= most:
            raise HandoffLimit(f"{name}: {most} handoffs and no answer")
        talk.handoffs += 1
        talk.teller.step("handoff", tool, agent=name, to=to)
        return await _active(team, to, None, _without_call(context.messages), talk)

    spec = team.spec(to)
    return ToolOutput(
        transfer, name=tool, description=f"Pass control to {to} ({spec.role}): {spec.goal}"
    )


def _without_call(messages: list[ModelMessage]) -> list[ModelMessage]:
    """Return the conversation without its last message's calls, which the colleague cannot use."""
    last = messages[-1]
    texts = [part for part in last.parts if isinstance(part, TextPart) and part.content]
    said = [ModelResponse(texts)] if texts else []
    return [*messages[:-1], *said]


async def _active(
    team: Team, name: str, prompt: str | None, history: list[ModelMessage], talk: Talk
) -> _Outcome:
    result = await team.run(name, prompt, history, talk)
    if isinstance(result.output, _Outcome):
        return result.output
    talk.teller.said(name, result.output)
    return _Outcome(agent=name, text=result.output, messages=result.all_messages())


async def handoff(team: Team, talk: Talk, turn: str) -> str:
    """Have the active agent answer, or whomever it passes control to."""
    pattern = team.pattern
    assert isinstance(pattern, Handoff)
    talk.handoffs = 0
    outcome = await _active(team, talk.active or pattern.start, turn, talk.history, talk)
    talk.active, talk.history = outcome.agent, outcome.messages
    return outcome.text
