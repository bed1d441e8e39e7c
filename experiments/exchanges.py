"""A trial's model calls with what stood on the wire for each: what was asked and what was said."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from agentdyno.core.event import ModelCall, WireRecord
from agentdyno.core.trial import USER_SIMULATOR, Trial
from agentdyno.models.chat import parse_chat
from agentdyno.models.conversation import Conversation, Reply
from agentdyno.models.reread import reread
from agentdyno.models.responses import parse_responses


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One model call of the team's, with its bytes."""

    call: ModelCall
    wire: WireRecord

    @cached_property
    def request(self) -> dict[str, Any]:
        """The request's JSON; empty when it is no object."""
        try:
            value = orjson.loads(self.wire.request)
        except orjson.JSONDecodeError:
            return {}
        return value if isinstance(value, dict) else {}

    @cached_property
    def asked(self) -> Conversation:
        """The request as a conversation; raises `RequestError` when it is none."""
        parse = parse_responses if self.call.api == "responses" else parse_chat
        return parse(self.request)

    @cached_property
    def reply(self) -> Reply | None:
        """What was answered; null after an error, and when the answer cannot be read."""
        if self.call.status != 200:
            return None
        try:
            return reread(
                self.wire.response.encode(), self.call.api, stream=self.call.stream
            )[0]
        except ValueError:
            return None


def exchanges(trial: Trial, wire: Sequence[WireRecord]) -> tuple[Exchange, ...]:
    """Return the team's calls for text, in the order in which they began.

    Calls of a simulated user and those for embeddings are left out, and so are calls whose bytes
    were not kept.
    """
    records = {
        (record.agent, record.started_s): record for record in wire if record.channel == "model"
    }
    calls = sorted(
        (event for event in trial.events if isinstance(event, ModelCall)),
        key=lambda call: call.started_s,
    )
    return tuple(
        Exchange(call=call, wire=records[call.agent, call.started_s])
        for call in calls
        if call.api != "embeddings" and call.agent != USER_SIMULATOR
        and (call.agent, call.started_s) in records
    )
