"""Texts fit for an attribute: no secret in them, no more than there is room for, valid UTF-8."""

import re
from collections.abc import Mapping, Sequence

import orjson

from agentdyno.models.cassette.secrets import Scrubber

TRIAL_CHARACTERS = 2_000_000
"""Characters of text that the spans of one trial share."""
MOST, LEAST = 32_000, 400
"""Characters of one span, in a trial of few calls and in one of very many."""
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_SECRET_NAME = re.compile(
    r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|HEADERS)$", re.IGNORECASE
)
_PASSWORD_IN_URL = re.compile(r"^\w[\w+.-]*://[^/@\s:]*:([^/@\s]+)@")


def secrets_in(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of variables that hold a secret by their name, and passwords in addresses.
    """
    found = [value for name, value in environ.items() if _SECRET_NAME.search(name)]
    found += [match[1] for value in environ.values() if (match := _PASSWORD_IN_URL.match(value))]
    return tuple(dict.fromkeys(filter(None, found)))


class Cutter:
    """Makes the texts of one trial's spans."""

    def __init__(self, spans: int, secrets: Sequence[str] = ()) -> None:
        """
        Args:
            spans: how many spans share the trial's room.
            secrets: exact values that must not be in any text; what looks like a key is taken out
                in any case.
        """
        self.room = max(LEAST, min(MOST, TRIAL_CHARACTERS // max(1, spans)))
        """Characters of one span's texts."""
        self._scrubber = Scrubber(secrets)
        # A conversation's texts come again with every call.
        self._known: dict[str, str] = {}

    def text(self, text: str, room: int | None = None) -> str:
        """Return `text` without secrets, and its beginning alone where it is too long."""
        clean = self._known.get(text)
        if clean is None:
            clean = self._known[text] = self._clean(text)
        return cut(clean, self.room // 2 if room is None else room)

    def _clean(self, text: str) -> str:
        # Scrubbed before it is cut: half a key looks like none.
        clean = self._scrubber.text(text)
        return clean if clean.isascii() and "\0" not in clean else _NO_TEXT.sub("\ufffd", clean)

    def json(self, value: object) -> str:
        """Return `value` as JSON on one line, cut like any text."""
        return self.text(dumped(value))


def cut(text: str, room: int) -> str:
    """Return `text`, or its beginning where it is longer than `room` characters."""
    if len(text) <= room:
        return text
    return f"{text[:room]}… ({len(text) - room:,} more characters)"


def dumped(value: object) -> str:
    """Return `value` as JSON; what is no JSON as its text."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # Integers beyond 64 bits, and half surrogates.
        return str(value)
