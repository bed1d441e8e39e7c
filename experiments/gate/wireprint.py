"""What a trial sent, small enough for a repository and still able to say where it changed.

Every field of a request is kept as its value when that is short, else as a hash and a length; of an
agent's later calls only what differs from the one before. Volatile ids are taken out as cassettes
do it, so that two trials that asked for the same have the same print.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from agentdyno.core.canonical import canonical_json, content_hash
from agentdyno.core.event import ToolCall, WireRecord
from agentdyno.core.noun import Noun
from agentdyno.core.trial import USER_SIMULATOR, Trial
from agentdyno.models.cassette.normal import normalised

Fields = Mapping[str, str]
_SHORT = 40
_HASH = 10
_PROMPT_ROLES = ("system", "developer")


class PrintedCall(Noun):
    """One request to a model."""

    agent: str
    number: int
    """Number of the call among the agent's, from 1."""
    changes: dict[str, str | None]
    """Fields that differ from the agent's call before; null where the field is gone."""


class WirePrint(Noun):
    """Everything that a trial sent, agent by agent."""

    calls: tuple[PrintedCall, ...] = ()
    tools: tuple[str, ...] = ()
    """Tool calls of each agent, sorted: those of one turn arrive in any order, and the requests
    tell in which they were asked for."""
    answers: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Return the name of this print in a baseline."""
        return content_hash(self.model_dump(mode="json"))[:16]

    def requests(self) -> dict[tuple[str, int], dict[str, str]]:
        """Return all fields of each call, by agent and number."""
        found: dict[tuple[str, int], dict[str, str]] = {}
        for call in self.calls:
            fields = dict(found.get((call.agent, call.number - 1), {}))
            for field, value in call.changes.items():
                if value is None:
                    fields.pop(field, None)
                else:
                    fields[field] = value
            found[call.agent, call.number] = fields
        return found


def print_wire(
    trial: Trial, wire: Sequence[WireRecord], *, answers_vary: bool = False
) -> WirePrint:
    """Return the print of a sealed trial.

    Args:
        answers_vary: whether a model answers otherwise each time, so that only what does not hang
            on its answers is kept: of each agent's first call the system prompt, the tools and
            the parameters.
    """
    order = [agent.name for agent in trial.agents]
    asked: dict[str, list[dict[str, str]]] = {}
    for record in sorted(wire, key=lambda record: record.seq):
        if record.channel == "model" and record.agent != USER_SIMULATOR:
            asked.setdefault(record.agent, []).append(_fields(record.request, trial.id))
    agents = sorted(asked, key=lambda name: (order.index(name) if name in order else 999, name))
    if answers_vary:
        return WirePrint(calls=tuple(
            PrintedCall(agent=agent, number=1, changes=_settled(asked[agent][0]))
            for agent in agents
        ))
    used = [event for event in trial.events if isinstance(event, ToolCall)]
    return WirePrint(
        calls=tuple(call for agent in agents for call in _calls(agent, asked[agent])),
        tools=tuple(sorted(
            f"{call.agent}: {call.server}.{call.tool} {_shown(call.arguments)}"
            + (" (error)" if call.is_error else "") for call in used
        )),
        answers=tuple(_shown(answer) for answer in trial.answers),
    )


def _calls(agent: str, requests: Sequence[Fields]) -> Iterable[PrintedCall]:
    before: Fields = {}
    for number, fields in enumerate(requests, 1):
        changes: dict[str, str | None] = {
            name: value for name, value in fields.items() if before.get(name) != value
        }
        changes |= dict.fromkeys(name for name in before if name not in fields)
        yield PrintedCall(agent=agent, number=number, changes=changes)
        before = fields


def _fields(body: str, trial_id: str) -> dict[str, str]:
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {"body": _shown(body)}
    if not isinstance(request, dict):
        return {"body": _shown(request)}
    found: dict[str, str] = {}
    for key, value in normalised(request, trial_id).items():
        if key == "tools" and isinstance(value, list):
            found |= _tools(value)
        elif isinstance(value, list) and key in ("messages", "input"):
            for at, item in enumerate(value, 1):
                found |= _members(f"{key}.{at}", item)
        else:
            found |= _members(key, value)
    return found


def _members(path: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {path: _shown(value)}
    return {f"{path}.{name}": _shown(item) for name, item in value.items()}


def _tools(tools: Sequence[Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    names = []
    for tool in tools:
        inner = tool.get("function", tool) if isinstance(tool, dict) else {"name": str(tool)}
        name = str(inner.get("name", inner.get("type", "?")))
        names.append(name)
        found |= {
            f"tools.{name}.{key}": _shown(value) for key, value in inner.items() if key != "name"
        }
    return {"tools": _shown(", ".join(names)), **found}


def _settled(fields: Fields) -> dict[str, str | None]:
    """Leave out what a user or a model said."""
    spoken = {
        place for field in fields if (place := _place(field))
        and fields.get(f"{place}.role", "").strip('"') not in _PROMPT_ROLES
    }
    return {field: value for field, value in fields.items() if _place(field) not in spoken}


def _place(field: str) -> str:
    """Return `messages.3` of `messages.3.content`; "" for what is no message."""
    parts = field.split(".")
    told = parts[0] in ("messages", "input")
    return ".".join(parts[:2]) if told else ""


def _shown(value: Any) -> str:
    text = canonical_json(value)
    if len(text) <= _SHORT:
        return text
    return f"#{content_hash(value)[:_HASH]} ({len(text)} characters)"
