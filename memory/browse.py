"""Memory for people: which namespaces there are, what is in them, and how it was used.

Functions take a connection, and whoever calls them lends it: `store` and `memory` are strangers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from agentdyno.memory.search import WORDS

SEED = "seed/"
"""How the namespace of a shared seed begins."""

# A trial's own namespace begins with its id, by which conversations are indexed.
_NAMESPACES = """
    SELECT i.namespace, i.items, i.characters, i.updated_at,
           coalesce(own.trial_id, shared.trial_id) AS trial_id,
           coalesce(nullif(own.conversations, 0), shared.conversations, 0)::int AS conversations
    FROM (
        SELECT namespace, count(*)::int AS items, sum(length(text))::bigint AS characters,
               max(updated_at) AS updated_at
        FROM memory_item WHERE namespace IN (
            -- Items are never changed, so the newest ones tell which namespaces changed last.
            SELECT namespace FROM (
                SELECT namespace, id FROM memory_item
                WHERE %(kind)s = '' OR (starts_with(namespace, 'seed/') = (%(kind)s = 'seed'))
                ORDER BY id DESC LIMIT 20000
            ) AS newest GROUP BY namespace ORDER BY max(id) DESC LIMIT %(limit)s
        )
        GROUP BY namespace
    ) AS i
    LEFT JOIN LATERAL (
        SELECT min(trial_id) AS trial_id, count(*)::int AS conversations FROM chat_session
        WHERE trial_id = split_part(i.namespace, '/', 1) AND namespace = i.namespace
    ) AS own ON true
    LEFT JOIN (
        SELECT seed_namespace, max(trial_id) AS trial_id, count(*)::int AS conversations
        FROM chat_session WHERE seed_namespace IS NOT NULL GROUP BY seed_namespace
    ) AS shared ON shared.seed_namespace = i.namespace
    ORDER BY i.updated_at DESC
"""
_USED = """
    SELECT c.*, used.found, used.found_by
    FROM chosen c CROSS JOIN LATERAL (
        SELECT count(*)::int AS found, count(DISTINCT session_id)::int AS found_by
        FROM memory_link WHERE item_id = c.id AND relation = 'found'
    ) AS used
"""
_BROWSE = f"""
    WITH chosen AS (
        SELECT id, namespace, ordinal, text, metadata, embedder_id, created_at,
               null::float8 AS score
        FROM memory_item WHERE %(namespace)s::text IS NULL OR namespace = %(namespace)s
        ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s
    )
    {_USED} ORDER BY c.id DESC
"""  # noqa: S608
_SEARCH = f"""
    WITH {WORDS},
    chosen AS (
        SELECT id, namespace, ordinal, text, metadata, embedder_id, created_at,
               ts_rank(document, words, 1)::float8 AS score
        FROM memory_item, q
        WHERE document @@ words
            AND (%(namespace)s::text IS NULL OR namespace = %(namespace)s)
        ORDER BY score DESC, id LIMIT %(limit)s OFFSET %(offset)s
    )
    {_USED} ORDER BY c.score DESC, c.id
"""  # noqa: S608


_OFTEN = """
    SELECT i.id, i.namespace, i.ordinal, i.text, i.metadata, i.embedder_id, i.created_at,
           null::float8 AS score, l.found, l.found_by
    FROM (
        SELECT item_id, count(*)::int AS found, count(DISTINCT session_id)::int AS found_by
        FROM memory_link WHERE relation = 'found'
        GROUP BY item_id ORDER BY found DESC LIMIT %(limit)s
    ) AS l JOIN memory_item i ON i.id = l.item_id
    ORDER BY l.found DESC, i.id
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Namespace:
    """Items that are seen together: a shared seed, or what one execution of a trial wrote."""

    namespace: str
    items: int
    characters: int
    updated_at: datetime
    trial_id: str | None
    """A trial whose conversation used it; null until one has been sealed."""
    conversations: int
    """Sealed conversations that could read it."""

    @property
    def is_seed(self) -> bool:
        """Whether it is a scenario's seed, shared by all trials with the same one."""
        return self.namespace.startswith(SEED)


@dataclass(frozen=True, kw_only=True, slots=True)
class BrowsedItem:
    """One item, with its use."""

    id: int
    namespace: str
    ordinal: int
    """Agents are shown it as `m1`, `m2`, ..."""
    text: str
    metadata: dict[str, Any]
    embedder_id: str | None
    created_at: datetime
    found: int
    """Searches that found it, in sealed conversations."""
    found_by: int
    """Conversations in which one did."""
    score: float | None
    """Rank of a search; only comparable within it."""


async def namespaces(
    link: psycopg.AsyncConnection[Any], *, kind: str = "", limit: int = 200
) -> list[Namespace]:
    """Return the namespaces that changed last; `kind` is `seed`, `trial` or "" for both."""
    async with link.cursor(row_factory=class_row(Namespace)) as cursor:
        await cursor.execute(_NAMESPACES, {"kind": kind, "limit": limit})
        return await cursor.fetchall()


async def items(
    link: psycopg.AsyncConnection[Any], *, namespace: str | None = None, query: str = "",
    limit: int = 50, offset: int = 0,
) -> list[BrowsedItem]:
    """Return items, newest first; with `query` those that hold any of its words, best first, ranked
    as the lexical search of agents ranks them."""
    wanted = {"namespace": namespace, "query": query, "limit": limit, "offset": offset}
    statement = _SEARCH if query.strip() else _BROWSE
    async with link.cursor(row_factory=class_row(BrowsedItem)) as cursor:
        await cursor.execute(statement, wanted)
        return await cursor.fetchall()


async def often_found(
    link: psycopg.AsyncConnection[Any], *, limit: int = 20
) -> list[BrowsedItem]:
    """Return the items that searches of sealed conversations found most often."""
    async with link.cursor(row_factory=class_row(BrowsedItem)) as cursor:
        await cursor.execute(_OFTEN, {"limit": limit})
        return await cursor.fetchall()


async def forget_items(
    link: psycopg.AsyncConnection[Any], ids: Sequence[int]
) -> dict[str, int]:
    """Delete items; returns how many of each namespace went. Links to them go with them."""
    rows = await link.execute(
        "DELETE FROM memory_item WHERE id = ANY(%s) RETURNING namespace", [list(ids)]
    )
    gone: dict[str, int] = {}
    async for (namespace,) in rows:
        gone[namespace] = gone.get(namespace, 0) + 1
    return gone


async def forget_namespace(link: psycopg.AsyncConnection[Any], namespace: str) -> int:
    """Delete all items of a namespace; returns how many went."""
    rows = await link.execute("DELETE FROM memory_item WHERE namespace = %s", [namespace])
    return rows.rowcount


async def sealed(link: psycopg.AsyncConnection[Any], namespaces: Sequence[str]) -> set[str]:
    """Return those of `namespaces` that an ended trial wrote, so that nobody reads them again."""
    rows = await link.execute(
        "SELECT DISTINCT namespace FROM chat_session WHERE namespace = ANY(%s)",
        [list(namespaces)],
    )
    return {row[0] async for row in rows}
