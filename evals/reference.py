"""Values that a scenario computes by itself: Python functions in its folder."""

import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from agentdyno.core.canonical import canonical_json
from agentdyno.core.check import Computed
from agentdyno.evals.module import digest, load


class ReferenceFault(Exception):
    """The scenario's own computation failed, so the check can say nothing about the agent."""


def expected_number(computed: Computed, folder: Path) -> float:
    """Call the function that `computed` names in `folder`.

    The result is remembered while the file's content and the arguments stay the same.

    Raises:
        ReferenceFault: the function cannot be loaded, raises, or returns no finite number.
    """
    value = _value(computed, folder)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value):
        raise ReferenceFault(
            f"{computed.python} returned {value!r}, which is no finite number"
        )
    return float(value)


def expected_json(computed: Computed, folder: Path) -> Any:
    """Like `expected_number`, for a function that returns a JSON value.

    Raises:
        ReferenceFault: the function cannot be loaded, raises, or returns what JSON has no form for.
    """
    value = _value(computed, folder)
    try:
        return orjson.loads(canonical_json(value))
    except (TypeError, ValueError) as error:
        raise ReferenceFault(f"{computed.python} returned no JSON: {error}") from error


def _value(computed: Computed, folder: Path) -> Any:
    file, _, name = computed.python.partition(":")
    path = folder / file
    try:
        content = digest(path)
    except OSError as error:
        raise ReferenceFault(f"{file} cannot be read: {error.strerror}") from error
    return _call(path, content, name, canonical_json(computed.args))


@lru_cache(maxsize=1024)
def _call(path: Path, content: str, name: str, args: str) -> Any:
    # The scenario's code may raise whatever it likes.
    try:
        return getattr(load(path, content), name)(**orjson.loads(args))
    except Exception as error:
        raise ReferenceFault(f"{path.name}:{name}: {type(error).__name__}: {error}") from error
