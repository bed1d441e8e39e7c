"""What is different between two requests, or two cassettes, in words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from agentdyno.core.canonical import canonical_json
from agentdyno.core.difference import first_difference, told, unified
from agentdyno.models.cassette.cassette import Cassette
from agentdyno.models.cassette.readable import (
    answer_lines,
    parameter_lines,
    prompt_lines,
    tool_lines,
)
from agentdyno.models.cassette.recordings import ModelRecording

_PARTS = (("parameters", parameter_lines), ("prompt", prompt_lines), ("tools", tool_lines))
_CALL_ID = re.compile(r" \([^()]*\)$")
_COMPARED = 20_000
"""Characters of a request by which likeness is judged: the end differs before the beginning."""


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much of a difference is shown."""

    most: int | None = 40
    """Lines of each diff; null for all."""
    width: int | None = 200
    """Characters of each line; null for all."""


BRIEF, WHOLE = Extent(), Extent(most=None, width=None)


def request_difference(
    old: dict[str, Any], new: dict[str, Any], names: tuple[str, str], extent: Extent = BRIEF
) -> list[str]:
    """Return the first differing field, and a diff of each part that differs; none when equal."""
    found = first_difference(old, new)
    if found is None:
        return []
    place, *values = told(found, names)
    lines = [f"first difference: {place}", *values]
    for title, render in _PARTS:
        before, after = render(old), render(new)
        if before != after:
            diff = unified(before, after, names, most=extent.most, width=extent.width)
            lines += [f"{title}:", *(f"  {line}" for line in diff)]
    return lines


def likeness(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Return how alike two requests are, from 0 to 1."""
    old, new = (canonical_json(value)[-_COMPARED:] for value in (one, other))
    return float(SequenceMatcher(None, old, new, autojunk=False).quick_ratio())


def cassette_difference(
    old: Cassette, new: Cassette, names: tuple[str, str], extent: Extent = BRIEF
) -> list[str]:
    """Return what differs between two recordings, call by call; none when nothing does."""
    lines: list[str] = []
    for title, before, after in _identities(old, new):
        if before != after:
            lines.append(f"{title}: {before} -> {after}")
    mine, theirs = _by_call(old.calls), _by_call(new.calls)
    for place in dict.fromkeys((*mine, *theirs)):
        lines += _call_difference(mine.get(place), theirs.get(place), names, extent)
    lines += _tool_difference(old, new, names, extent)
    return lines


def _identities(old: Cassette, new: Cassette) -> list[tuple[str, object, object]]:
    keys = ("scenario", "scenario_digest", "runner", "runner_version", "variant", "model", "stream")
    pairs = [(key, getattr(old.head.key, key), getattr(new.head.key, key)) for key in keys]
    return [(title, str(a)[:12] if title == "scenario_digest" else a,
             str(b)[:12] if title == "scenario_digest" else b) for title, a, b in pairs]


def _by_call(calls: Sequence[ModelRecording]) -> dict[tuple[str, int], ModelRecording]:
    return {(call.agent, call.ordinal): call for call in calls}


def _call_difference(
    old: ModelRecording | None, new: ModelRecording | None, names: tuple[str, str], extent: Extent
) -> list[str]:
    if old is None or new is None:
        one = old or new
        assert one is not None
        return [f"{one.label}: only in {names[0] if old else names[1]}"]
    lines = []
    if asked := request_difference(old.request, new.request, names, extent):
        lines += [f"{old.label}: asked differently", *(f"  {line}" for line in asked)]
    before, after = (_without_ids(answer_lines(call)) for call in (old, new))
    if before != after:
        diff = unified(before, after, names, most=extent.most, width=extent.width)
        lines += [f"{old.label}: answered differently", *(f"  {line}" for line in diff)]
    return lines


def _without_ids(lines: Sequence[str]) -> list[str]:
    """Leave out the ids of tool calls: a provider makes up new ones each time."""
    return [_CALL_ID.sub("", line) if line.startswith("[calls] ") else line for line in lines]


def _tool_difference(
    old: Cassette, new: Cassette, names: tuple[str, str], extent: Extent
) -> list[str]:
    before, after = _tool_calls(old), _tool_calls(new)
    if before == after:
        return []
    diff = unified(before, after, names, most=extent.most, width=extent.width)
    return ["tool results differ", *(f"  {line}" for line in diff)]


def _tool_calls(cassette: Cassette) -> list[str]:
    results = cassette.recording.results if cassette.recording else ()
    ordered = sorted(results, key=lambda r: (
        r.agent, r.server, r.tool, canonical_json(r.arguments), r.ordinal
    ))
    return [line for r in ordered for line in (
        f"{r.agent}: {r.server}.{r.tool} {canonical_json(r.arguments)}",
        f"  {canonical_json(r.result)}",
    )]
