"""The raw bytes of an exchange, laid out for reading; what is no JSON stays as it is."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentdyno.core.event import ModelCall, WireRecord
from agentdyno.core.trial import Trial
from agentdyno.experiments.exchanges import Exchange
from agentdyno.models.conversation import ChatMessage, RequestError
from agentdyno.store.wirereading import WireLine


@dataclass(frozen=True, kw_only=True, slots=True)
class Spoken:
    """One message of a request or an answer, whichever dialect carried it."""

    role: str
    """With the speaker's name where the framework gives one."""
    text: str
    calls: tuple[str, ...] = ()
    """Tools that it asks for, with their arguments."""


def laid_out(text: str) -> tuple[str, str]:
    """Return `text` as it is best read, and its language for colours."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2), "json"
    except (ValueError, RecursionError):
        return text, "text"


def call_of(trial: Trial, line: WireLine) -> int | None:
    """Return the event of a model exchange by its index; null for the others and where none is."""
    return next((
        number for number, event in enumerate(trial.events)
        if event.kind == "model_call" and event.agent == line.agent
        and event.started_s == line.started_s
    ), None) if line.channel == "model" else None


def lines_of(trial: Trial, lines: Sequence[WireLine]) -> dict[int, int]:
    """Return the exchange of each model and tool call: `WireLine.seq` by the event's index.

    An agent's tool calls are paired by their order, and only where there are as many exchanges.
    """
    models = {
        (line.agent, line.started_s): line.seq for line in lines if line.channel == "model"
    }
    found: dict[int, int] = {}
    calls: dict[str, list[tuple[int, int]]] = {}
    for number, event in enumerate(trial.events):
        if event.kind == "model_call" and (event.agent, event.started_s) in models:
            found[number] = models[event.agent, event.started_s]
        elif event.kind == "tool_call":
            calls.setdefault(event.agent, []).append((event.ordinal, number))
    for agent, numbered in calls.items():
        seqs = [line.seq for line in sorted(lines, key=lambda line: (line.started_s, line.seq))
                if line.channel == "tool" and line.agent == agent]
        if len(seqs) == len(numbered):
            found |= {number: seq for (_, number), seq in zip(sorted(numbered), seqs, strict=True)}
    return found


def spoken(call: ModelCall, record: WireRecord) -> tuple[Spoken, ...]:
    """Return the conversation of one model exchange: what was sent, and what was answered.

    Raises:
        ValueError: the request is none that we can read.
    """
    exchange = Exchange(call=call, wire=record)
    try:
        sent = [_spoken(message) for message in exchange.asked.messages]
    except RequestError as error:
        raise ValueError(error.message) from error
    return (*sent, *_answer(exchange))


def _spoken(message: ChatMessage) -> Spoken:
    name = f" {message.name}" if message.name else ""
    return Spoken(
        role=f"{message.role}{name}", text="\n".join(message.parts),
        calls=tuple(f"{call.name} {call.arguments}" for call in message.calls),
    )


def _answer(exchange: Exchange) -> Iterator[Spoken]:
    reply = exchange.reply
    if reply is not None:
        yield Spoken(role="answer", text=reply.text,
                     calls=tuple(f"{call.name} {call.arguments}" for call in reply.calls))
