"""Search inside namespaces: Postgres full text, and with an embedder a fusion with vectors.

Full text asks for any of the query's words (an AND finds next to nothing for a question) and ranks
by `ts_rank` divided by the logarithm of the length: of what needs no model, this found most in our
measurements (design/memory.md). Namespaces are small, so vectors are compared exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from pgvector import Vector
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

# Words under English stemming, and as they are, for names and numbers; without stop words.
WORDS = r"""
    q AS (
        SELECT string_agg(
            '''' || replace(replace(word, '\', '\\'), '''', '''''') || '''', ' | '
        )::tsquery AS words
        FROM (
            SELECT lexeme AS word FROM unnest(to_tsvector('english', %(query)s))
            UNION
            SELECT lexeme FROM unnest(to_tsvector('simple', %(query)s))
            WHERE ts_lexize('english_stem', lexeme) <> '{}'
        ) AS found
    )
"""
"""Table expression `q`: any of the words of `%(query)s`, as a text search query."""
_QUERY = WORDS + r""",
    visible AS MATERIALIZED (
        SELECT ordinal, text, metadata, document, embedding, embedder_id FROM memory_item
        WHERE namespace = ANY(%(namespaces)s) AND metadata @> %(filter)s
    ),
    lexical AS (
        SELECT ordinal, text, metadata, ts_rank(document, words, 1)::float8 AS score
        FROM visible, q WHERE document @@ words
    )
"""  # noqa: S608
_LEXICAL = f"""
    WITH {_QUERY}
    SELECT ordinal, text, metadata, score FROM lexical ORDER BY score DESC, ordinal LIMIT %(limit)s
"""  # noqa: S608
# Reciprocal rank fusion, k = 60 (Cormack, Clarke and Buettcher, SIGIR 2009).
_HYBRID = f"""
    WITH {_QUERY},
    near AS (
        SELECT ordinal, text, metadata, embedding <=> %(vector)s::vector AS distance
        FROM visible WHERE embedder_id = %(embedder)s
    ),
    ranked AS (
        SELECT ordinal, text, metadata,
               1.0 / (60 + row_number() OVER (ORDER BY score DESC, ordinal)) AS part FROM lexical
        UNION ALL
        SELECT ordinal, text, metadata,
               1.0 / (60 + row_number() OVER (ORDER BY distance, ordinal)) AS part FROM near
    )
    SELECT ordinal, min(text) AS text, (array_agg(metadata))[1] AS metadata,
           sum(part)::float8 AS score
    FROM ranked GROUP BY ordinal ORDER BY score DESC, ordinal LIMIT %(limit)s
"""  # noqa: S608


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """One item that was found."""

    ordinal: int
    """Number of the item among those that the trial can see, from 1."""
    text: str
    metadata: dict[str, Any]
    score: float
    """Only comparable within one search."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What is searched for, and where."""

    text: str
    namespaces: Sequence[str]
    filter: dict[str, Any]
    """Only items whose metadata contains these keys and values."""
    limit: int
    embedder_id: str | None = None
    vector: Sequence[float] | None = None
    """The query's embedding; null searches by words alone."""


async def search(link: psycopg.AsyncConnection, query: Query) -> list[Hit]:
    """Return the best items first; ties in the order in which they were remembered."""
    values = {
        "query": query.text, "namespaces": list(query.namespaces), "filter": Jsonb(query.filter),
        "limit": query.limit, "embedder": query.embedder_id,
    }
    if query.vector is not None:
        values["vector"] = vector_text(query.vector)
    async with link.cursor(row_factory=class_row(Hit)) as cursor:
        await cursor.execute(_LEXICAL if query.vector is None else _HYBRID, values)
        return await cursor.fetchall()


def vector_text(vector: Sequence[float]) -> str:
    """Return `vector` in pgvector's text form."""
    return Vector(list(vector)).to_text()
