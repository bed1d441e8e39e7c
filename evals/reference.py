"""Numbers that a scenario computes by itself: Python functions in its folder."""

import hashlib
import importlib.util
import math
from functools import lru_cache
from pathlib import Path

import orjson

from agentdyno.core.canonical import canonical_json
from agentdyno.core.check import Computed


class ReferenceFault(Exception):
    """The scenario's own computation failed, so the check can say nothing about the agent."""


def expected_number(computed: Computed, folder: Path) -> float:
    """Call the function that `computed` names in `folder`.

    The result is remembered while the file's content and the arguments stay the same.

    Raises:
        ReferenceFault: the function cannot be loaded, raises, or returns no finite number.
    """
    file, _, name = computed.python.partition(":")
    path = folder / file
    try:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ReferenceFault(f"{file} cannot be read: {error.strerror}") from error
    return _call(path, content, name, canonical_json(computed.args))


@lru_cache(maxsize=1024)
def _call(path: Path, content: str, name: str, args: str) -> float:
    spec = importlib.util.spec_from_file_location(f"_reference_{content}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # The scenario's code may raise whatever it likes.
    try:
        spec.loader.exec_module(module)
        value = getattr(module, name)(**orjson.loads(args))
    except Exception as error:
        raise ReferenceFault(f"{path.name}:{name}: {type(error).__name__}: {error}") from error
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value):
        raise ReferenceFault(f"{path.name}:{name} returned {value!r}, which is no finite number")
    return float(value)
