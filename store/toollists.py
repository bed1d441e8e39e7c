"""What tools agents were offered, read off the newest trial of each scenario."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from agentdyno.store.database import Pool, connected

_SCENARIOS = 200
"""Scenarios whose newest trial is looked at."""
_QUERY = """
    SELECT t.id, t.scenario, e.data
    FROM (
        SELECT max(row_id) AS row_id FROM trial WHERE NOT superseded
        GROUP BY scenario ORDER BY 1 DESC LIMIT %s
    ) AS newest
    JOIN trial t USING (row_id),
        json_array_elements(coalesce(t.events_plain, t.events)) AS e (data)
    WHERE e.data ->> 'kind' = 'tools_listed'
    ORDER BY t.row_id DESC
"""


@dataclass(frozen=True, kw_only=True)
class OfferedTool:
    """A tool as agents are shown it."""

    server: str
    tool: str
    """Its name on the server."""
    description: str
    input_schema: dict[str, Any]
    annotations: dict[str, Any]
    """MCP annotations; empty where the server gives none."""
    scenarios: tuple[str, ...]
    """Scenarios in which somebody is offered it."""
    agents: tuple[str, ...]
    """Who is, over all of these."""
    trial: str
    """Trial in which it was seen so: the newest one."""


async def offered_tools(pool: Pool) -> list[OfferedTool]:
    """Return every tool that the newest trials of the scenarios offered, in order of name."""
    async with connected(pool) as link:
        rows = await (await link.execute(_QUERY, [_SCENARIOS])).fetchall()
    found: dict[tuple[str, str], OfferedTool] = {}
    for trial, scenario, listed in rows:
        for server, tool, shown in _tools(listed):
            known = found.get((server, tool))
            found[server, tool] = OfferedTool(
                server=server, tool=tool,
                description=known.description if known else str(shown.get("description") or ""),
                input_schema=known.input_schema if known else _object(shown, "inputSchema"),
                annotations=known.annotations if known else _object(shown, "annotations"),
                scenarios=_with(known.scenarios if known else (), scenario),
                agents=_with(known.agents if known else (), listed["agent"]),
                trial=known.trial if known else trial,
            )
    return sorted(found.values(), key=lambda one: (one.server, one.tool))


def _tools(listed: dict[str, Any]) -> Iterable[tuple[str, str, dict[str, Any]]]:
    # Trials that were stored before origins were kept cannot say whose a tool is.
    for shown, origin in zip(listed["tools"], listed.get("origins") or (), strict=False):
        server, _, tool = origin.partition(".")
        yield server, tool, shown


def _object(shown: dict[str, Any], name: str) -> dict[str, Any]:
    value = shown.get(name)
    return value if isinstance(value, dict) else {}


def _with(known: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(sorted({*known, name}))
