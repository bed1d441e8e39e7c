"""Signals of a sealed trial that tell, without its checks, how far it can be trusted.

Each is a share from 0 (bad) to 1 (good), or None where the trial gives no ground for it: an agent
without tools has no tool success.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agentdyno.core.event import ToolCall
from agentdyno.core.trial import USER_SIMULATOR, Trial

_BLOCK = re.compile(r"```json[^\n]*\n(.*?)```", re.DOTALL)
_CITATION = re.compile(
    r"\[([^\]\[\n]{2,120})\](?!\()"  # [mandate.md], [1] is too short to name anything
    r"|\]\((\S{2,300}?)\)"  # [text](target)
    r"|\(([A-Za-z][\w-]*\.[A-Za-z]\w*)\)"  # (market.returns)
    r"|(https?://[^\s)>\]]+)"
)
_ENCODER = json.JSONEncoder(ensure_ascii=False)
_WRONG_CALL = ("invalid_arguments", "not_allowed")
_NOT_THE_TOOLS = (*_WRONG_CALL, "limit", "rejected")


@dataclass(frozen=True, kw_only=True)
class Signals:
    """What a trial shows of its own soundness."""

    tool_success: float | None = None
    """Share of tool calls that were made and succeeded; calls that were refused are not made."""
    schema_validity: float | None = None
    """Share of tool calls for a tool that the agent has, with arguments that its schema takes."""
    citations: float | None = None
    """Share of the sources named in the answers that resolve: to a tool that was called, or to
    something that a tool call holds. None when no source is named."""
    steadiness: float | None = None
    """1 less the share of model calls that were tried again, and of tool calls that repeat a
    failed one word for word."""
    agreement: float | None = None
    """Share of the facts stated by at least two agents on which the last words of all agree;
    a fact is a key with a scalar value in a fenced JSON block. None without such facts."""


def signals(trial: Trial) -> Signals:
    """Return the signals of `trial`; its verdicts are not looked at."""
    calls = [event for event in trial.events if event.kind == "tool_call"]
    made = [call for call in calls if call.error_kind not in _NOT_THE_TOOLS]
    return Signals(
        tool_success=_share([not call.is_error for call in made]),
        schema_validity=_share([call.error_kind not in _WRONG_CALL for call in calls]),
        citations=_citations(trial),
        steadiness=_steadiness(trial, calls),
        agreement=_agreement(trial),
    )


def _share(good: list[bool]) -> float | None:
    return sum(good) / len(good) if good else None


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The different sources that the answers of a trial name, in order of first mention."""

    found: tuple[str, ...]
    """Tools that were called with success, and what the arguments or results of such calls hold."""
    unknown: tuple[str, ...]
    """The others."""


def sources(trial: Trial) -> Sources:
    """Return the sources that the answers of `trial` name, in lower case."""
    cited = dict.fromkeys(
        next(filter(None, match.groups())).strip("\"'` ").casefold()
        for answer in trial.answers for match in _CITATION.finditer(_BLOCK.sub("", answer))
    )
    if not cited:
        return Sources(found=(), unknown=())
    called = [e for e in trial.events if e.kind == "tool_call" and not e.is_error]
    tools = {f"{call.server}.{call.tool}".casefold() for call in called}
    results = "\n".join(call.result_text for call in called).casefold()
    there = {name: name in tools or name in results for name in cited}
    if not all(there.values()):
        asked = "\n".join(_ENCODER.encode(call.arguments) for call in called).casefold()
        there = {name: known or name in asked for name, known in there.items()}
    return Sources(
        found=tuple(name for name, known in there.items() if known),
        unknown=tuple(name for name, known in there.items() if not known),
    )


def _citations(trial: Trial) -> float | None:
    named = sources(trial)
    return _share([*(True for _ in named.found), *(False for _ in named.unknown)])


def _steadiness(trial: Trial, calls: list[ToolCall]) -> float | None:
    models = [
        event for event in trial.events
        if event.kind == "model_call" and event.agent != USER_SIMULATOR
    ]
    if not models:
        return None
    retried = {
        (event.agent, event.ordinal) for event in trial.events
        if event.kind == "model_try" and event.decision in ("retry", "fallback")
    }
    again = len(retried) + sum(call.retry_count > 0 for call in models)
    failed: set[str] = set()
    for call in calls:
        if not failed and not call.is_error:
            continue
        arguments = json.dumps(call.arguments, sort_keys=True)
        same = f"{call.agent} {call.server}.{call.tool} {arguments}"
        again += same in failed
        if call.is_error:
            failed.add(same)
    return max(0.0, 1 - again / (len(models) + len(calls)))


def _agreement(trial: Trial) -> float | None:
    stated: dict[str, dict[str, Any]] = defaultdict(dict)
    for event in trial.events:
        if event.kind == "message":
            for key, value in _facts(event.text):
                stated[key][event.agent] = value
    shared = [values for values in stated.values() if len(values) > 1]
    return _share([len({json.dumps(v) for v in values.values()}) == 1 for values in shared])


def _facts(text: str) -> Iterator[tuple[str, Any]]:
    for block in _BLOCK.findall(text):
        try:
            yield from _scalars(json.loads(block), "")
        except ValueError:
            continue


def _scalars(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _scalars(item, f"{path}.{key}")
    elif not isinstance(value, list):
        yield path, float(value) if isinstance(value, int | float) else value
