"""What a trial sent, as one hash: trials that sent the same have no sampling noise between them."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import orjson

from agentdyno.core.event import ToolCall, WireRecord
from agentdyno.core.trial import USER_SIMULATOR, Trial
from agentdyno.evals.statistics.verdict import is_exact


def wire_digest(trial: Trial, wire: Sequence[WireRecord]) -> str:
    """Return a hash of what the team asked of models and tools, agent by agent, and of its answers.

    Agents that work side by side, and tools that one turn asks for, may interleave as they like;
    the order of keys in a request's JSON says nothing either.
    """
    digest = hashlib.sha256()
    asked = [
        (record.agent, record.seq, _canonical(record.request)) for record in wire
        if record.channel == "model" and record.agent != USER_SIMULATOR
    ]
    for agent, _, body in sorted(asked, key=lambda one: one[:2]):
        digest.update(agent.encode() + b"\0" + body + b"\0")
    used = [
        orjson.dumps([call.agent, call.server, call.tool, call.arguments, call.is_error],
                     option=orjson.OPT_SORT_KEYS)
        for call in trial.events if isinstance(call, ToolCall)
    ]
    digest.update(b"\0".join(sorted(used)))
    for answer in trial.answers:
        digest.update(answer.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def nothing_scatters(trials: Sequence[Trial]) -> bool:
    """Tell whether nothing of these trials is drawn: scripted or replayed, and in every case twice
    the same at least."""
    by_case: dict[str, list[str]] = defaultdict(list)
    for trial in trials:
        if trial.key.model not in ("scripted", "replay") or not trial.wire_digest:
            return False
        by_case[trial.key.situation].append(trial.wire_digest)
    return all(len(case) > 1 for case in by_case.values()) and is_exact([*by_case.values()])


def _canonical(body: str) -> bytes:
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    except orjson.JSONDecodeError:
        return body.encode("utf-8", "surrogatepass")
