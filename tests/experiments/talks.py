"""Conversations of teams, written down as trials with their wire."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agentdyno.core.event import ModelCall, WireRecord
from agentdyno.core.pattern import Pattern
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Trial
from agentdyno.tests.experiments.trials import sealed

Reply = str | Mapping[str, Mapping[str, Any]]
"""A text, or tool calls: arguments by name."""


def spec(name: str) -> AgentSpec:
    """Return an agent whose role is another word than its name."""
    return AgentSpec(name=name, role=f"{name} of the team", goal="g", instructions="i")


def talk(
    pattern: Pattern | None, agents: Sequence[str], replies: Sequence[tuple[str, Reply]]
) -> tuple[Trial, tuple[WireRecord, ...]]:
    """Return a trial in which agents were asked one after the other and gave `replies`."""
    calls, wire = [], []
    for at, (agent, reply) in enumerate(replies):
        calls.append(ModelCall(
            agent=agent, started_s=float(at), ended_s=at + 0.5, api="chat", model="default",
            ordinal=sum(call.agent == agent for call in calls), stream=False, status=200,
        ))
        wire.append(WireRecord(
            seq=at, channel="model", agent=agent, started_s=float(at), response=_answered(reply),
            request=json.dumps({"model": "default", "messages": [
                {"role": "user", "content": "go"}]}),
        ))
    trial = sealed(events=tuple(calls)).model_copy(update={
        "pattern": pattern, "agents": tuple(map(spec, agents)),
    })
    return trial, tuple(wire)


def _answered(reply: Reply) -> str:
    message: dict[str, Any] = {"role": "assistant", "content": None}
    if isinstance(reply, str):
        message["content"] = reply
    else:
        message["tool_calls"] = [
            {"id": f"c{at}", "type": "function",
             "function": {"name": name, "arguments": json.dumps(arguments)}}
            for at, (name, arguments) in enumerate(reply.items())
        ]
    return json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]})
