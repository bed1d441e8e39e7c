"""Server-sent events as a cassette keeps them."""

import json
import re
from collections.abc import Sequence
from typing import Any

from agentdyno.models.cassette.secrets import Scrubber

_TEXTS = ("content", "refusal", "reasoning_content", "reasoning")
_END = re.compile(r"(?:\r\n|\n|\r)(?:\r\n|\n|\r)+")
_DATA = re.compile(r"^data: ?([^\r\n]*)", re.MULTILINE)


def events_of(text: str) -> tuple[str, ...]:
    """Cut a body into its events, each with the blank line that ends it; joined they are `text`."""
    events, start = [], 0
    for match in _END.finditer(text):
        events.append(text[start: match.end()])
        start = match.end()
    return (*events, text[start:]) if start < len(text) else tuple(events)


def data_of(event: str) -> Any:
    """Return the JSON of an event's data; None when it has none."""
    data = "\n".join(_DATA.findall(event))
    try:
        return json.loads(data)
    except ValueError:
        return None


def deltas(event: str) -> dict[str, str]:
    """Return the pieces of content in an event, by the channel that they are a piece of."""
    return {channel: text for channel, text, _, _ in _pieces(data_of(event))}


def is_content(event: str) -> bool:
    """Tell whether an event carries a piece of the answer."""
    return bool(deltas(event))


def scrubbed_events(events: Sequence[str], scrubber: Scrubber) -> tuple[str, ...]:
    """Return the events without secrets, also where one was streamed in pieces.

    A text that holds a secret is then sent whole, with its first piece.
    """
    clean = [scrubber.text(event) for event in events]
    channels: dict[str, str] = {}
    for event in clean:
        for channel, piece in deltas(event).items():
            channels[channel] = channels.get(channel, "") + piece
    for channel, whole in channels.items():
        if scrubber.finds(whole):
            clean = _pieced(clean, channel, scrubber.text(whole))
    return tuple(clean)


def _pieces(data: Any) -> list[tuple[str, str, dict[str, Any], str]]:
    """Return channel and text of each piece, and the object and key where the text stands."""
    if not isinstance(data, dict):
        return []
    kind = str(data.get("type", ""))
    if kind.endswith(".delta") and isinstance(data.get("delta"), str):
        return [(f"{kind} {data.get('output_index')}", data["delta"], data, "delta")]
    found: list[tuple[str, str, dict[str, Any], str]] = []
    for choice in data.get("choices") or ():
        delta = (choice.get("delta") if isinstance(choice, dict) else None) or {}
        owners = [("", delta, _TEXTS)] + [
            (f" {call.get('index')}", call.get("function") or {}, ("name", "arguments"))
            for call in delta.get("tool_calls") or ()
        ]
        found += [
            (key + suffix, owner[key], owner, key) for suffix, owner, keys in owners
            for key in keys if isinstance(owner.get(key), str) and owner[key]
        ]
    return found


def _pieced(events: Sequence[str], channel: str, whole: str) -> list[str]:
    """Have the first piece of `channel` say `whole`, and the others nothing."""
    rest, out = whole, []
    for event in events:
        data = data_of(event)
        places = [(owner, key) for name, _, owner, key in _pieces(data) if name == channel]
        for owner, key in places:
            owner[key], rest = rest, ""
        if places:
            line = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
            before, _, after = event.partition(_DATA.findall(event)[0])
            event = before + line + after
        out.append(event)
    return out
