"""Trials as database rows and back: pure functions, no connection."""

import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticSerializationError, ValidationError

from agentdyno.core.canonical import content_hash
from agentdyno.core.event import WireRecord
from agentdyno.core.trial import Trial, Verdict
from agentdyno.store.readrows import READING_COLUMNS, reading_row
from agentdyno.store.toolrows import ToolRow, tool_rows

TRIAL_COLUMNS = (
    "row_id", "id", "attempt", "matrix_id", "key_hash", "key", "scenario", "runner",
    "runner_version", "variant", "model", "repeat", "seed", "outcome", "reason", "started_at",
    "duration_s", "model_calls", "prompt_tokens", "prompt_tool_tokens", "completion_tokens",
    "tool_calls", "tool_errors", "cpu_s", "peak_rss_mb", "passed", "failed", "undecided", "body",
    "events", "events_plain", *READING_COLUMNS,
)
VERDICT_COLUMNS = ("trial", "seq", "check_id", "status", "reason")
WIRE_COLUMNS = ("trial", "records", "raw_bytes", "body")

_WIRE = TypeAdapter(tuple[WireRecord, ...])
# What Postgres' JSON functions refuse; the first pattern may also match harmless text.
_HARD = re.compile(r"\\u(?:0000|d[89a-f])", re.IGNORECASE)
_HARD_CHARACTER = re.compile("[\0\ud800-\udfff]")
# On repeated conversations: as fast as level 1, an eighth smaller; level 6 takes twice the time.
_LEVEL = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialRow:
    """One line of a list of trials: everything that tables are made of."""

    id: str
    attempt: int
    """1 for the first execution, one more for every `--fresh` that repeated it."""
    matrix_id: str
    """The `run` command that executed it."""
    scenario: str
    runner: str
    runner_version: str
    variant: str
    model: str
    repeat: int
    seed: int
    outcome: str
    reason: str
    started_at: datetime
    duration_s: float
    model_calls: int
    prompt_tokens: int
    prompt_tool_tokens: int
    """The part of `prompt_tokens` that tool schemas take."""
    completion_tokens: int
    tool_calls: int
    tool_errors: int
    cpu_s: float
    peak_rss_mb: float
    passed: int
    """Checks by verdict; `undecided` are the inconclusive ones and those in error."""
    failed: int
    undecided: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A sealed trial as the values that are copied into the database."""

    id: str
    key_hash: str
    columns: tuple[Any, ...]
    """Values from `key` on, in the order of TRIAL_COLUMNS."""
    verdicts: tuple[tuple[Any, ...], ...]
    wire: tuple[int, int, bytes] | None
    tools: tuple[ToolRow, ...] = ()
    """What it made of each tool."""


def encode(trial: Trial, wire: Sequence[WireRecord]) -> Record:
    """Return `trial` and its raw exchanges as rows."""
    events = f"[{','.join([to_json(event) for event in trial.events])}]"
    return Record(
        id=trial.id, key_hash=content_hash(trial.key.model_dump(mode="json")),
        columns=(
            trial.key.model_dump_json(), *_identity(trial),
            trial.outcome.value, _text(trial.reason), trial.started_at, trial.duration_s,
            *_counts(trial), trial.report.cpu_s, trial.report.peak_rss_mb,
            *judged(trial.verdicts), to_json(trial, exclude={"events"}), events, _plain(events),
            *reading_row(trial),
        ),
        verdicts=verdict_rows(trial.verdicts),
        wire=pack(wire) if wire else None,
        tools=tool_rows(trial.events),
    )


def decode(body: str, events: str, verdicts: str | None = None) -> Trial:
    """Return the trial of a stored `body` and the JSON array of its events.

    Args:
        verdicts: JSON array of those that count, where they are not those in `body`.
    """
    # Of two equal keys the last one counts, for both parsers.
    graded = "" if verdicts is None else f',"verdicts":{verdicts}'
    text = f'{body[:-1]},"events":{events}{graded}}}'
    try:
        return Trial.model_validate_json(text)
    except ValidationError:
        # JSON can hold half of a surrogate pair, which only the standard library reads.
        return Trial.model_validate(json.loads(text))


def pack(wire: Sequence[WireRecord]) -> tuple[int, int, bytes]:
    """Return the number of records, their size in bytes as JSON, and that JSON compressed."""
    raw = "\n".join(to_json(record) for record in wire).encode()
    return len(wire), len(raw), zlib.compress(raw, _LEVEL)


def unpack(body: bytes) -> tuple[WireRecord, ...]:
    """Return the records that `pack` compressed."""
    text = b"[" + zlib.decompress(body).replace(b"\n", b",") + b"]"
    try:
        return _WIRE.validate_json(text)
    except ValidationError:
        # JSON can hold half of a surrogate pair, which only the standard library reads.
        return _WIRE.validate_python(json.loads(text))


def to_json(value: BaseModel, exclude: set[str] | None = None) -> str:
    """Return `value` as JSON on one line; also when a string holds half of a surrogate pair."""
    try:
        # What model_dump_json calls, without a third of its time.
        return value.__pydantic_serializer__.to_json(value, exclude=exclude).decode()
    except PydanticSerializationError:
        return json.dumps(value.model_dump(exclude=exclude))


def _plain(events: str) -> str | None:
    if not _HARD.search(events):
        return None
    return json.dumps(_without_hard(json.loads(events)))


def _without_hard(value: Any) -> Any:
    if isinstance(value, str):
        return _HARD_CHARACTER.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_without_hard(name): _without_hard(item) for name, item in value.items()}
    return [_without_hard(item) for item in value] if isinstance(value, list) else value


def _identity(trial: Trial) -> tuple[Any, ...]:
    key = trial.key
    return (
        key.scenario, key.runner, key.runner_version, key.variant, key.model, key.repeat, key.seed,
    )


def _counts(trial: Trial) -> tuple[int, ...]:
    models = prompt = tools = completion = called = errors = 0
    for event in trial.events:
        # By kind, not isinstance: pydantic's metaclass makes that ten times dearer.
        if event.kind == "model_call":
            models += 1
            if event.tokens is not None:
                prompt += event.tokens.prompt
                tools += event.tokens.prompt_tools
                completion += event.tokens.completion
        elif event.kind == "tool_call":
            called += 1
            errors += event.is_error
    return models, prompt, tools, completion, called, errors


def verdict_rows(verdicts: Sequence[Verdict]) -> tuple[tuple[Any, ...], ...]:
    """Return `verdicts` as rows, in the order of VERDICT_COLUMNS without the trial."""
    return tuple(
        (n, _text(verdict.check), verdict.status, _text(verdict.reason))
        for n, verdict in enumerate(verdicts)
    )


def judged(verdicts: Sequence[Verdict]) -> tuple[int, int, int]:
    """Return how many passed, how many failed, and how many did neither."""
    statuses = [verdict.status for verdict in verdicts]
    passed, failed = statuses.count("pass"), statuses.count("fail")
    return passed, failed, len(statuses) - passed - failed


def _text(value: str) -> str:
    # What Postgres' text cannot hold; the exact string is in the trial's JSON.
    return _HARD_CHARACTER.sub("\ufffd", value)
