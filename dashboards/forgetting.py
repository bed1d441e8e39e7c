"""Forgetting: memory that a person deletes, with the log of it, in one transaction."""

from collections.abc import Sequence

from agentdyno.core.errors import UsageError
from agentdyno.memory.browse import SEED, forget_items, forget_namespace, sealed
from agentdyno.store import audit
from agentdyno.store.database import Pool, connected
from agentdyno.store.live import LiveBoard


async def forget_item(pool: Pool, item: int, namespace: str, *, who: str, reason: str) -> str:
    """Delete one item; returns what was done in words.

    Raises:
        UsageError: it is gone already, nobody is named, or a run may be reading it.
        HarnessFault: the database is away.
    """
    await _refuse_in_use(pool, [namespace])
    async with connected(pool) as link, link.transaction():
        gone = await forget_items(link, [item])
        if not gone:
            raise UsageError("That item is gone already.", "refresh the page")
        # What was forgotten is not written down: that would be no forgetting.
        await audit.write(link, who=who, action="memory.forget", target=namespace,
                          detail={"items": 1, "reason": reason})
    return f"Forgotten: one item of {namespace}.{_back(namespace)}"


async def forget_all(pool: Pool, namespace: str, *, who: str, reason: str) -> str:
    """Delete all items of a namespace; returns what was done in words.

    Raises:
        UsageError: there is nothing in it, nobody is named, or a run may be reading it.
        HarnessFault: the database is away.
    """
    await _refuse_in_use(pool, [namespace])
    async with connected(pool) as link, link.transaction():
        count = await forget_namespace(link, namespace)
        if not count:
            raise UsageError(f"Nothing is remembered in {namespace}.", "refresh the page")
        await audit.write(link, who=who, action="memory.forget", target=namespace,
                          detail={"items": count, "reason": reason})
    return f"Forgotten: {count} items of {namespace}.{_back(namespace)}"


async def _refuse_in_use(pool: Pool, namespaces: Sequence[str]) -> None:
    """Raise where a run that is under way may still read one of `namespaces`: its trials would
    measure another memory than the one that they were given."""
    async with connected(pool) as link:
        ended = await sealed(link, namespaces)
    if ended >= set(namespaces):
        return
    running = [one for one in await LiveBoard(pool).list() if one.state != "lost"]
    if running:
        raise UsageError(
            f"The run {running[0].matrix_id[:10]} is under way and may be reading this memory.",
            f"wait until it has ended, or agentdyno cancel {running[0].matrix_id[:10]}",
        )


def _back(namespace: str) -> str:
    if namespace.startswith(SEED):
        return " The next run of its scenario seeds it anew: it stands in the scenario."
    return " What the trial itself said and did stays in its record."
