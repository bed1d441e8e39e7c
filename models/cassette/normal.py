"""What of a request is the same in every repetition: the request without its volatile ids."""

import re
from typing import Any

_CONVERSATION = ("messages", "input")
_ID_KEYS = ("id", "tool_call_id", "call_id", "item_id", "response_id")
_TOP_IDS = ("previous_response_id", "conversation")
_RUN_KEYS = ("metadata", "user", "prompt_cache_key", "safety_identifier", "session_id")
"""Where frameworks put identifiers of their run."""
_RUN_ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # UUID
    r"|\b[0-9A-HJKMNP-TV-Z]{26}\b"                                   # ULID
    r"|(?<![A-Za-z0-9])[0-9a-f]{16,}(?![A-Za-z0-9])", re.IGNORECASE,
)
_LONG = 8
"""Characters from which on an id is also replaced where a text quotes it."""


def normalised(request: dict[str, Any], trial_id: str) -> dict[str, Any]:
    """Return `request` with every volatile id replaced by its number of appearance; keys sorted.

    Volatile are identifiers of messages, responses and tool calls in the conversation, wherever
    their text stands in it; UUIDs and the like where frameworks name their own run; and the id of
    the trial. Equal ids stay equal, so that a result still belongs to its call.
    """
    names: dict[str, str] = {}
    for key in _CONVERSATION:
        _collect(request.get(key), names)
    for key in _TOP_IDS:
        _name(request.get(key), names)
    quoted = sorted((id for id in names if len(id) >= _LONG), key=len, reverse=True)
    parts = [rf"(?<![A-Za-z0-9]){re.escape(trial_id)}(?![A-Za-z0-9])", *map(re.escape, quoted)]
    pattern = re.compile("|".join(parts))

    def named(match: re.Match[str]) -> str:
        return names.get(match[0], "<trial>")

    def clean(value: Any, key: str = "") -> Any:
        if isinstance(value, str):
            if key in _ID_KEYS or key in _TOP_IDS:
                value = names.get(value, value)
            return pattern.sub(named, value)
        if isinstance(value, dict):
            return {name: clean(value[name], name) for name in sorted(value)}
        return [clean(item) for item in value] if isinstance(value, list) else value

    whole = clean(request)
    return {key: _without_run_ids(v) if key in _RUN_KEYS else v for key, v in whole.items()}


def _collect(value: Any, names: dict[str, str]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in _ID_KEYS:
                _name(item, names)
            _collect(item, names)
    elif isinstance(value, list):
        for item in value:
            _collect(item, names)


def _name(value: Any, names: dict[str, str]) -> None:
    if isinstance(value, str) and value:
        names.setdefault(value, f"<id {len(names) + 1}>")


def _without_run_ids(value: Any) -> Any:
    if isinstance(value, str):
        return _RUN_ID.sub("<run>", value)
    if isinstance(value, dict):
        return {key: _without_run_ids(item) for key, item in value.items()}
    return [_without_run_ids(item) for item in value] if isinstance(value, list) else value
