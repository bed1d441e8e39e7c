"""From a trial's events and raw exchanges to the recordings of its model calls."""

import re
from collections import defaultdict
from collections.abc import Sequence

import orjson

from agentdyno.core.event import ModelCall, ModelTry, WireRecord
from agentdyno.core.trial import Trial
from agentdyno.models.cassette.normal import normalised
from agentdyno.models.cassette.recordings import Chunk, ModelRecording, readable_body
from agentdyno.models.cassette.secrets import Scrubber
from agentdyno.models.cassette.sse import events_of, is_content, scrubbed_events
from agentdyno.models.exchange import TRIAL_IS_OVER

_HUNG_UP = 499
_STREAM = re.compile("(?:data|event|id|retry)?:")


def model_side(
    trial: Trial, wire: Sequence[WireRecord], scrubber: Scrubber
) -> tuple[tuple[ModelRecording, ...], tuple[str, ...]]:
    """Return the calls that a provider answered, and a line for each that none did."""
    records: defaultdict[tuple[str, float], list[WireRecord]] = defaultdict(list)
    for record in wire:
        if record.channel in ("model", "judge"):
            records[record.agent, record.started_s].append(record)
    every = (*trial.events, *trial.judging)
    tries = {
        (event.agent, event.ordinal): event for event in every if isinstance(event, ModelTry)
    }
    calls: list[ModelRecording] = []
    left_out: list[str] = []
    for event in every:
        if not isinstance(event, ModelCall):
            continue
        found = records[event.agent, event.started_s]
        response = found[0].response if found else ""
        reason = _unanswered(trial, event, response, tries.get((event.agent, event.ordinal)))
        if reason is None and not found:
            reason = "its exchange was not stored"
        if reason is None:
            calls.append(_recording(trial, event, found.pop(0), scrubber))
        else:
            left_out.append(f"call {event.ordinal + 1} of {event.agent}: {scrubber.text(reason)}")
            del found[:1]
    return tuple(calls), tuple(left_out)


def _unanswered(
    trial: Trial, call: ModelCall, response: str, last: ModelTry | None
) -> str | None:
    """Return why no provider answered a call; None when one did, be it with an error."""
    if call.error is None:
        return None
    if call.status == _HUNG_UP:
        return "the framework hung up"
    if call.error.startswith(TRIAL_IS_OVER):
        return TRIAL_IS_OVER
    if call.truncated and not _STREAM.match(response):
        return "its stream broke off before anything was passed on"
    if last is not None and last.status is None:
        return f"no response came ({last.error})"
    if call.error in trial.reason:
        return f"refused by the bench: {call.error.splitlines()[0]}"
    return None


def _recording(
    trial: Trial, call: ModelCall, record: WireRecord, scrubber: Scrubber
) -> ModelRecording:
    request = normalised(scrubber.value(orjson.loads(record.request)), trial.id)
    streamed = bool(_STREAM.match(record.response))
    events = scrubbed_events(events_of(record.response), scrubber) if streamed else ()
    if call.error is not None and events and events[-1].startswith("event: error\n"):
        # The gateway ends a stream so that has no end; it will do it again in a replay.
        events = events[:-1]
    layout, body = readable_body("" if streamed else scrubber.text(record.response))
    first = call.first_token_s
    return ModelRecording(
        agent=call.agent, ordinal=call.ordinal, api=call.api, provider=call.provider,
        provider_model=call.provider_model, status=200 if streamed else call.status,
        started_s=round(call.started_s, 6),
        first_token_ms=None if first is None else _ms(first - call.started_s),
        duration_ms=_ms(call.ended_s - call.started_s), request=request, layout=layout, body=body,
        stream=tuple(_timed(call, events)), gaps_ms=tuple(round(gap, 3) for gap in call.gaps_ms),
    )


def _timed(call: ModelCall, events: Sequence[str]) -> list[Chunk]:
    """Give each event the time at which it arrived.

    The times of content were measured; whatever stands between two of them came with the next.
    """
    start = call.first_token_s if call.first_token_s is not None else call.ended_s
    first, last = _ms(start - call.started_s), _ms(call.ended_s - call.started_s)
    content = [at for at, event in enumerate(events) if is_content(event)]
    gaps: Sequence[float] = call.gaps_ms
    if len(gaps) != len(content) - 1:
        # Several events came in one piece, and which is not known: they are spread evenly.
        steps = max(1, len(content) - 1)
        gaps = [(last - first) / steps] * (len(content) - 1)
    times = {}
    at_ms = first
    for number, at in enumerate(content):
        at_ms += gaps[number - 1] if number else 0.0
        times[at] = min(at_ms, last)
    chunks: list[Chunk] = []
    following = last
    for at in reversed(range(len(events))):
        following = times.get(at, following)
        chunks.append(Chunk(ms=round(following, 3), text=events[at]))
    return chunks[::-1]


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
