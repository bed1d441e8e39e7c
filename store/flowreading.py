"""What ran in which order in the newest trials of a team, without the texts."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from agentdyno.core.pattern import Pattern
from agentdyno.store.database import Pool, connected

_BYTES = 20_000_000
"""Bytes of events that are taken apart for one look; older trials are left out beyond them."""
_PATTERN: TypeAdapter[Pattern] = TypeAdapter(Pattern)
_CHOSEN = """
    chosen AS (
        SELECT row_id, row_number() OVER newest AS place,
               sum(pg_column_size(events)) OVER newest AS bytes
        FROM trial
        WHERE NOT superseded AND scenario = %(scenario)s
            AND (%(runner)s::text IS NULL OR runner = %(runner)s)
            AND (%(variant)s::text IS NULL OR variant = %(variant)s)
        WINDOW newest AS (ORDER BY row_id DESC)
        ORDER BY row_id DESC LIMIT %(limit)s
    ),
    taken AS (SELECT row_id FROM chosen WHERE bytes <= %(bytes)s OR place = 1)
"""
_TRIALS = f"""
    WITH {_CHOSEN}
    SELECT t.row_id, t.id, t.outcome, t.body -> 'pattern' FROM taken JOIN trial t USING (row_id)
    ORDER BY t.row_id DESC
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
    pattern: Pattern | None
    """Null in trials that were stored before patterns were."""
    events: tuple[FlowEvent, ...]


async def flow_trials(
    pool: Pool, scenario: str, *, runner: str | None = None, variant: str | None = None,
    limit: int = 200,
) -> list[FlowTrial]:
    """Return the newest trials of a scenario, newest first, as far as they are not too long."""
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
    return [
        FlowTrial(
            id=trial_id, outcome=outcome, events=tuple(found[row]),
            pattern=None if pattern is None else _PATTERN.validate_python(pattern),
        ) for row, trial_id, outcome, pattern in trials
    ]
