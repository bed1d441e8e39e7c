"""A trial's conversation as rows: chat sessions, messages, and links to the memories they used."""

from collections.abc import Iterator
from itertools import zip_longest

import psycopg

from agentdyno.core.trial import Trial

_SESSION = """
    INSERT INTO chat_session (trial_id, namespace, seed_namespace, started_at)
    VALUES (%s, %s, %s, %s) ON CONFLICT (trial_id, started_at) DO NOTHING RETURNING id
"""
_MESSAGE = "INSERT INTO chat_message (session_id, seq, role, text) VALUES (%s, %s, %s, %s)"
# The items of a trial are numbered through: its seed first, then what it wrote.
_LINK = """
    INSERT INTO memory_link (session_id, item_id, event_seq, relation, rank)
    SELECT %s, id, %s, %s, %s FROM memory_item WHERE namespace = ANY(%s) AND ordinal = %s
"""


async def keep_chat(link: psycopg.AsyncConnection, trial: Trial) -> bool:
    """Store the user turns and answers of a sealed trial; returns whether they were new.

    The memories that it found or wrote are linked when the trial's `end_state["memory"]` is what
    `MemoryServer.end_state` gave.

    Raises:
        psycopg.OperationalError: the database went away; nothing is stored.
    """
    memory = trial.end_state.get("memory") or {}
    spaces = [memory.get("namespace"), memory.get("seed_namespace")]
    async with link.cursor() as cursor:
        await cursor.execute(_SESSION, [trial.id, *spaces, trial.started_at])
        row = await cursor.fetchone()
        if row is None:
            return False
        await cursor.executemany(_MESSAGE, [
            (row[0], seq, role, text.replace("\0", "\ufffd"))
            for seq, (role, text) in enumerate(_messages(trial))
        ])
        await cursor.executemany(_LINK, [
            (row[0], seq, relation, rank, [space for space in spaces if space], ordinal)
            for seq, relation, rank, ordinal in _accesses(trial)
        ])
    return True


def _messages(trial: Trial) -> Iterator[tuple[str, str]]:
    for asked, answered in zip_longest(trial.user_turns, trial.answers):
        if asked is not None:
            yield "user", asked
        if answered is not None:
            yield "assistant", answered


def _accesses(trial: Trial) -> Iterator[tuple[int, str, int, int]]:
    for seq, event in enumerate(trial.events):
        if event.kind == "memory_access":
            relation = "found" if event.operation == "search" else "wrote"
            for rank, hit in enumerate(event.hits, start=1):
                yield seq, relation, rank, int(hit.removeprefix("m"))
