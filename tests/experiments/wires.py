"""Trials with their wire records, made by hand."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agentdyno.core.event import ModelCall, TokenCount, WireRecord
from agentdyno.core.trial import Trial
from agentdyno.tests.experiments.trials import sealed

SCHEMA = {
    "type": "object", "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}},
    "required": ["query"],
}


def chat_tool(
    name: str = "search", description: str = "Finds documents by their words.",
    parameters: Mapping[str, Any] = SCHEMA, **more: Any,
) -> dict[str, Any]:
    """Return one tool as Chat Completions want it."""
    return {"type": "function", "function": {
        "name": name, "description": description, "parameters": dict(parameters), **more,
    }}


def say(role: str, content: str, **more: Any) -> dict[str, Any]:
    """Return one message."""
    return {"role": role, "content": content, **more}


def ask(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the body of a chat completions request."""
    return {"model": "default", "messages": list(messages), **more}


Request = tuple[str, Mapping[str, Any]]
"""Agent, and the body of its request; one with `input` is of the Responses API."""


def recorded(
    runner: str, requests: Sequence[Request], *, status: int = 200
) -> tuple[Trial, tuple[WireRecord, ...]]:
    """Return a trial that sent `requests`, with what stood on the wire."""
    calls, wire = [], []
    for at, (agent, body) in enumerate(requests):
        api = "responses" if "input" in body else "chat"
        calls.append(ModelCall(
            agent=agent, started_s=float(at), ended_s=at + 0.5,
            ordinal=sum(call.agent == agent for call in calls), api=api, model="default",
            stream=False, status=status, tokens=TokenCount(prompt=1, completion=7),
        ))
        wire.append(WireRecord(
            seq=at, channel="model", agent=agent, started_s=float(at), request=json.dumps(body),
            response="{}",
        ))
    return sealed(runner, events=tuple(calls)), tuple(wire)
