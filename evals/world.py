"""The check of a tool server's end state against the expected one."""

import json
from pathlib import Path
from typing import Any

import orjson

from agentdyno.core.canonical import canonical_json, content_hash
from agentdyno.core.checkworld import EndStateCheck
from agentdyno.core.difference import ABSENT, Difference, first_difference
from agentdyno.core.event import ToolCall
from agentdyno.core.trial import Trial
from agentdyno.evals.finding import Finding, failed, passed
from agentdyno.evals.reference import expected_json

_SHOWN = 160


class StateFault(Exception):
    """The state, or the one that is expected, cannot be read: that is not the agent's fault."""


def state_of(trial: Trial, server: str, not_called: str) -> Any:
    """Return the end state of `server`, or what it is when no agent called it.

    Raises:
        StateFault: agents called the server, and it cannot tell its state.
    """
    if server in trial.end_state:
        return trial.end_state[server]
    if any(isinstance(event, ToolCall) and event.server == server for event in trial.events):
        raise StateFault(f"server {server!r} was called and left no end state; it can tell none")
    nobody = f"no agent called server {server!r}, so it left no end state"
    return passed(nobody) if not_called == "pass" else failed(nobody)


def end_state(trial: Trial, check: EndStateCheck, folder: Path) -> Finding:
    """Compare hashes; a difference is told by its first place.

    Raises:
        StateFault: one of the two states cannot be read.
        ReferenceFault: the scenario's own computation failed.
    """
    state = state_of(trial, check.server, check.not_called)
    if isinstance(state, Finding):
        return state
    actual = normal(state, check.ignore)
    digest = content_hash(actual)
    if check.sha256 is not None:
        told = f"hash {digest} of {_json(actual)}"
        return passed(told) if digest == check.sha256 else failed(f"{told}, not {check.sha256}")
    expected = normal(_expected(check, folder), check.ignore)
    if content_hash(expected) == digest:
        return passed(f"as expected, hash {digest}")
    difference = first_difference(expected, actual)
    assert difference is not None
    return failed(f"{_told(difference)} (hash {digest})")


def _expected(check: EndStateCheck, folder: Path) -> Any:
    if check.computed is not None:
        return expected_json(check.computed, folder)
    if check.file is None:
        return check.equals
    try:
        return orjson.loads((folder / check.file).read_bytes())
    except OSError as error:
        raise StateFault(f"{check.file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise StateFault(f"{check.file} is not JSON: {error}") from error


def normal(value: Any, ignore: tuple[str, ...] = ()) -> Any:
    """Return `value` with whole numbers as integers and without the keys in `ignore`."""
    if isinstance(value, dict):
        return {key: normal(item, ignore) for key, item in value.items() if key not in ignore}
    if isinstance(value, list | tuple):
        return [normal(item, ignore) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _told(difference: Difference) -> str:
    if difference.new is ABSENT:
        return f"{difference.path} is missing; expected {_json(difference.old)}"
    if difference.old is ABSENT:
        return f"{difference.path} should not be there: {_json(difference.new)}"
    return f"{difference.path} is {_json(difference.new)}, expected {_json(difference.old)}"


def _json(value: Any) -> str:
    text = canonical_json(value) if not isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
