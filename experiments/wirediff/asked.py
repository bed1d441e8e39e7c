"""Wire records -> requests in one normal form, whichever dialect carried them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from agentdyno.core.event import ModelCall, WireRecord
from agentdyno.core.trial import USER_SIMULATOR, Trial
from agentdyno.experiments.wirediff.nouns import AskedCall, Parts
from agentdyno.experiments.wirediff.texts import word_set
from agentdyno.models.bpe import count_text
from agentdyno.models.chat import parse_chat
from agentdyno.models.conversation import (
    ChatMessage,
    Conversation,
    RequestError,
    ToolOffer,
    canonical,
)
from agentdyno.models.responses import parse_responses

_CONTENT = ("messages", "input", "instructions", "tools", "response_format")
"""Request keys that are compared as messages, tools and output schema."""
_OTHER_NAMES = {
    "max_output_tokens": "max_completion_tokens", "max_tokens": "max_completion_tokens",
}
"""The Responses API's (and older) names -> those of Chat Completions."""


@dataclass(frozen=True, eq=False)
class Said:
    """One message, in the form in which it is compared."""

    message: ChatMessage

    @cached_property
    def text(self) -> str:
        """Every character of content that the model was sent, tool calls included."""
        calls = [f"{call.name}({call.arguments})" for call in self.message.calls]
        return "\n".join([*self.message.parts, *calls])

    @cached_property
    def content(self) -> str:
        """The same without what only wraps it: a tool result's blocks, the spaces of JSON."""
        calls = [f"{call.name}({canonical(call.parsed)})" for call in self.message.calls]
        return "\n".join([self.message.text, *calls])

    @cached_property
    def words(self) -> frozenset[str]:
        """Its words."""
        return word_set(self.text)

    @property
    def key(self) -> tuple[str, str | None, str]:
        """Equal for messages that the model cannot tell apart; call ids say nothing to it."""
        return self.message.role, self.message.name, self.text

    @property
    def label(self) -> str:
        """Its role, and its name in brackets."""
        name = self.message.name
        return f"{self.message.role} ({name})" if name else self.message.role


@dataclass(frozen=True, eq=False, kw_only=True)
class Asked:
    """One request for an answer, with what its event tells of it."""

    call: ModelCall
    body: dict[str, Any]
    conversation: Conversation | None
    """Null when the request is none that we can read."""
    unreadable: str | None = None

    @cached_property
    def messages(self) -> tuple[Said, ...]:
        """Its messages; none when they cannot be read."""
        return tuple(Said(message) for message in self.conversation.messages) if (
            self.conversation) else ()

    @property
    def offers(self) -> tuple[ToolOffer, ...]:
        """The tools that it offers."""
        return self.conversation.tools if self.conversation else ()

    @cached_property
    def tail(self) -> frozenset[str]:
        """Words of what the model had not answered yet: the messages after its last one."""
        words: frozenset[str] = frozenset()
        for said in reversed(self.messages):
            if said.message.role == "assistant" and words:
                break
            words |= said.words
        return words

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """Everything that is asked for beside the content, under Chat Completions' names."""
        wanted = {
            _OTHER_NAMES.get(key, key): value for key, value in self.body.items()
            if key not in _CONTENT and value is not None
        }
        text = wanted.pop("text", None)
        if isinstance(text, dict):
            wanted.update({key: value for key, value in text.items() if key != "format"})
        reasoning = wanted.pop("reasoning", None)
        if isinstance(reasoning, dict) and reasoning.get("effort"):
            wanted["reasoning_effort"] = reasoning.pop("effort")
        if reasoning:
            wanted["reasoning"] = reasoning
        if self.conversation and "tool_choice" in wanted:
            wanted["tool_choice"] = self.conversation.tool_choice
        if output := _output(self.body):
            wanted["response_format"] = output
        return {"api": self.call.api, **wanted}

    @cached_property
    def parts(self) -> Parts:
        """Its tokens by part, and those of the answer."""
        completion = self.call.tokens.completion if self.call.tokens else 0
        if self.conversation is None:
            return Parts(completion=completion)
        by_role = dict.fromkeys(("system", "user", "assistant", "tool"), 0)
        for said in self.messages:
            by_role[said.message.role] += said.message.tokens
        output = self.conversation.output
        return Parts(
            system=by_role["system"], user=by_role["user"], assistant=by_role["assistant"],
            tool_results=by_role["tool"],
            tool_schemas=sum(offer.tokens for offer in self.offers),
            output_schema=count_text(canonical(output.schema)) if output and output.schema else 0,
            completion=completion,
        )

    def noun(self) -> AskedCall:
        """Return what the diff tells of the request as a whole."""
        return AskedCall(
            ordinal=self.call.ordinal, api=self.call.api, status=self.call.status,
            error=self.call.error, tokens=self.parts,
            roles=tuple(said.label for said in self.messages),
            tools=tuple(offer.name for offer in self.offers) or self.call.tools_offered,
            asks_for=self.call.tools_called, unreadable=self.unreadable,
        )


def definition(offer: ToolOffer) -> dict[str, Any]:
    """Return everything that a tool object says beside its name, in one form for both dialects."""
    function = offer.sent.get("function")
    told = function if isinstance(function, dict) else offer.sent
    return {key: value for key, value in told.items() if key not in ("name", "type")}


def asked_of(trial: Trial, wire: Sequence[WireRecord]) -> list[Asked]:
    """Return the team's requests for an answer, in the order in which they began.

    Embeddings are no answers, and a simulated user is no part of the team.
    """
    events: dict[tuple[str, float], ModelCall] = {
        (event.agent, event.started_s): event for event in trial.events
        if event.kind == "model_call"
    }
    found = [
        (events.get((record.agent, record.started_s)), record) for record in wire
        if record.channel == "model" and record.agent != USER_SIMULATOR
    ]
    asked = [_asked(call, record) for call, record in found
             if call is not None and call.api != "embeddings"]
    return sorted(asked, key=lambda one: one.call.started_s)


def _asked(call: ModelCall, record: WireRecord) -> Asked:
    try:
        # As the gateway reads it, which refused what this refuses.
        body = orjson.loads(record.request)
    except ValueError as error:
        return Asked(call=call, body={}, conversation=None, unreadable=f"no JSON: {error}")
    if not isinstance(body, dict):
        return Asked(call=call, body={}, conversation=None, unreadable="no JSON object")
    try:
        conversation = parse_chat(body) if call.api == "chat" else parse_responses(body)
    except RequestError as error:
        return Asked(call=call, body=body, conversation=None, unreadable=error.message)
    return Asked(call=call, body=body, conversation=conversation)


def _output(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the wanted form of the answer as Chat Completions writes it, flattened."""
    text = body.get("text")
    wanted = body.get("response_format") or (text.get("format") if isinstance(text, dict) else None)
    if not isinstance(wanted, dict) or wanted.get("type") == "text":
        return None
    described = wanted.get("json_schema")
    inner = described if isinstance(described, dict) else {}
    return {**{key: value for key, value in wanted.items() if key != "json_schema"}, **inner}
