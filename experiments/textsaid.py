"""The finished texts of a team, as they stand on the wire."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentdyno.core.event import WireRecord
from agentdyno.core.pattern import Selector
from agentdyno.core.trial import Trial
from agentdyno.experiments.exchanges import Exchange, exchanges
from agentdyno.models.dialects import OUTPUT_TOOLS


@dataclass(frozen=True, kw_only=True)
class Text:
    """A finished text of an agent, with the model call that it came from."""

    agent: str
    text: str
    exchange: Exchange


def texts(trial: Trial, wire: Sequence[WireRecord]) -> Iterator[Text]:
    """Yield the finished texts, in the order in which they were finished."""
    silent = trial.pattern.selector if isinstance(trial.pattern, Selector) else None
    ended = sorted(exchanges(trial, wire), key=lambda exchange: exchange.call.ended_s)
    for exchange in ended:
        agent, text = exchange.call.agent, finished(exchange)
        if text and agent != silent:
            yield Text(agent=agent, text=text, exchange=exchange)


def finished(exchange: Exchange) -> str:
    """Return the text with which an agent ended its work; "" when it goes on or failed.

    Structured answers that are given as calls of an output tool are the JSON of their arguments.
    """
    reply = exchange.reply
    if reply is None:
        return ""
    if not reply.calls:
        return reply.text
    output = [call.arguments for call in reply.calls if OUTPUT_TOOLS.match(call.name)]
    return output[0] if output else ""
