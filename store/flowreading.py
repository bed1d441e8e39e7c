"""What ran in which order in the newest trials of a team, without the texts."""

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import psycopg
from pydantic import TypeAdapter

from agentdyno.core.pattern import Pattern
from agentdyno.store.database import Pool, connected

_BYTES = 20_000_000
"""Bytes of events that are taken apart for one look; older trials are left out beyond them."""
_PATTERN: TypeAdapter[Pattern] = TypeAdapter(Pattern)
_CHOSEN = """
    -- Sorted by a sum, so that the scenario's index is used and not the one of all trials by age.
    newest AS (
        SELECT row_id FROM trial
        WHERE NOT superseded AND scenario = %(scenario)s
            AND (%(runner)s::text IS NULL OR runner = %(runner)s)
            AND (%(variant)s::text IS NULL OR variant = %(variant)s)
        ORDER BY row_id + 0 DESC LIMIT %(limit)s
    ),
    chosen AS (
        SELECT row_id, row_number() OVER by_age AS place,
               sum(pg_column_size(events)) OVER by_age AS bytes
        FROM newest JOIN trial USING (row_id)
        WINDOW by_age AS (ORDER BY row_id DESC)
    ),
    taken AS (SELECT row_id FROM chosen WHERE bytes <= %(bytes)s OR place = 1)
"""
_TRIALS = f"""
    WITH {_CHOSEN}
    SELECT t.row_id, t.id, t.outcome FROM taken JOIN trial t USING (row_id) ORDER BY t.row_id DESC
"""  # noqa: S608
_EVENTS = f"""
    WITH {_CHOSEN}
    SELECT t.row_id, e.data ->> 'kind', e.data ->> 'agent',
           (e.data ->> 'started_s')::double precision, (e.data ->> 'ended_s')::double precision,
           coalesce(e.data ->> 'action', ''), CASE WHEN e.data ->> 'kind' = 'step'
           THEN coalesce(e.data ->> 'to', '') ELSE '' END,
           coalesce((e.data ->> 'is_error')::boolean, e.data ->> 'error' IS NOT NULL)
    FROM taken JOIN trial t USING (row_id),
        json_array_elements(coalesce(t.events_plain, t.events)) WITH ORDINALITY AS e (data, n)
    WHERE e.data ->> 'kind' IN ('step', 'message', 'model_call', 'tool_call')
    ORDER BY t.row_id DESC, e.n
"""  # noqa: S608


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowEvent:
    """One event, as far as the flow of work is concerned."""

    kind: str
    """`step`, `message`, `model_call` or `tool_call`."""
    agent: str
    started_s: float
    ended_s: float
    action: str = ""
    """Of a step."""
    to: str = ""
    """Agent that a step gives control, a task or a result."""
    failed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowTrial:
    """What ran in one trial."""

    id: str
    outcome: str
    events: tuple[FlowEvent, ...]


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What ran in trials of one team."""

    pattern: Pattern | None
    """How the newest of them worked together; null where it was stored before patterns were."""
    trials: tuple[FlowTrial, ...]
    """Newest first."""


async def flow_trials(
    pool: Pool, scenario: str, *, runner: str | None = None, variant: str | None = None,
    limit: int = 200,
) -> Flow:
    """Return what ran in the newest trials of a scenario, as far as they are not too long."""
    wanted: dict[str, Any] = {
        "scenario": scenario, "runner": runner, "variant": variant, "limit": limit,
        "bytes": _BYTES,
    }
    async with connected(pool) as link:
        trials = await (await link.execute(_TRIALS, wanted)).fetchall()
        found: defaultdict[int, list[FlowEvent]] = defaultdict(list)
        async for row, kind, agent, began, ended, action, to, failed in await link.execute(
            _EVENTS, wanted
        ):
            found[row].append(FlowEvent(
                kind=kind, agent=agent, started_s=began, ended_s=ended, action=action, to=to,
                failed=failed,
            ))
        pattern = await _pattern(link, trials[0][0]) if trials else None
    return Flow(pattern=pattern, trials=tuple(
        FlowTrial(id=trial_id, outcome=outcome, events=tuple(found[row]))
        for row, trial_id, outcome in trials
    ))


async def _pattern(link: psycopg.AsyncConnection[Any], row: int) -> Pattern | None:
    # By Python: the body may hold what the server's JSON functions refuse.
    rows = await link.execute("SELECT body::text FROM trial WHERE row_id = %s", [row])
    body = await rows.fetchone()
    found = json.loads(body[0]).get("pattern") if body else None
    return None if found is None else _PATTERN.validate_python(found)
