"""A request that was never recorded: which recording is nearest, and what is different."""

from collections.abc import Set as AbstractSet
from typing import Any

from agentdyno.models.cassette.cassette import Cassette
from agentdyno.models.cassette.compare import likeness, request_difference
from agentdyno.models.cassette.recordings import ModelRecording

_NAMES = ("recorded", "now")
MISSED = "no recording answers call "
"""How a trial that asked for something unrecorded says so, first in its reason."""


def told_miss(
    cassette: Cassette, agent: str, ordinal: int, asked: dict[str, Any],
    used: AbstractSet[tuple[str, int]],
) -> str:
    """Return what a user has to know about a request that no recording answers.

    Args:
        cassette: what was recorded.
        agent: who asks.
        ordinal: number of the call among the agent's, from 0.
        asked: the normalised request.
        used: agent and ordinal of the recordings that were given out.
    """
    head, key = cassette.head, cassette.head.key
    own = [call for call in cassette.calls if call.agent == agent]
    lines = [
        f"{MISSED}{ordinal + 1} of agent {agent}.",
        f"  cassette: {cassette.file or 'not saved'}, recorded with {key.runner} "
        f"{key.runner_version} on {head.recorded_at[:10]}",
    ]
    nearest = _nearest(own, ordinal, asked, used)
    if nearest is None:
        agents = ", ".join(dict.fromkeys(call.agent for call in cassette.calls))
        lines.append(f"  agent {agent} made no model call in the recording, only {agents} did")
    else:
        if all(call.ordinal < ordinal for call in own):
            lines.append(f"  the recording has only {len(own)} calls of {agent}: this is one more")
        lines.append(f"  nearest:  {nearest.label}")
        told = request_difference(nearest.request, asked, _NAMES)
        lines += [f"  {line}" for line in told or [_same_request(nearest, used)]]
    start = f"call {ordinal + 1} of {agent}:"
    lines += [f"  not recorded: {line}" for line in head.left_out if line.startswith(start)]
    lines.append(
        f"  next: agentdyno run {key.scenario} --runner {key.runner} --model record; or replay "
        "with --on-miss live"
    )
    return "\n".join(lines)


def _nearest(
    own: list[ModelRecording], ordinal: int, asked: dict[str, Any],
    used: AbstractSet[tuple[str, int]],
) -> ModelRecording | None:
    """Return the agent's recording of the same ordinal, else the one most like the request."""
    for call in own:
        if call.ordinal == ordinal and (call.agent, ordinal) not in used:
            return call
    return max(own, key=lambda call: likeness(call.request, asked), default=None)


def _same_request(nearest: ModelRecording, used: AbstractSet[tuple[str, int]]) -> str:
    if (nearest.agent, nearest.ordinal) in used:
        return "the same request was asked, and answered, before"
    return "the same request, but at another place among the agent's calls"
