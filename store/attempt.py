"""One transaction that is tried again for a while when the database is away."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import psycopg

from agentdyno.core.errors import DynoError, HarnessFault
from agentdyno.store.database import CONNECTION_ERRORS, Pool

Result = TypeVar("Result")
Revive = Callable[[], Awaitable[object]]
"""Starts a server again that may have been killed."""


async def attempt(
    pool: Pool, work: Callable[[psycopg.AsyncConnection], Awaitable[Result]], *,
    revive: Revive | None, pauses_s: Sequence[float], failure: Callable[[str], HarnessFault],
) -> Result:
    """Do `work` in one transaction, again after each of `pauses_s` while the database is away.

    Args:
        pool: the database.
        work: may be done more than once, so doing it twice must do no harm.
        revive: called before each new try.
        pauses_s: seconds before each new try.
        failure: makes the error from the reason, once there are no more tries.

    Raises:
        HarnessFault: what `failure` made.
    """
    last: Exception | None = None
    for pause in (None, *pauses_s):
        if pause is not None:
            await asyncio.sleep(pause)
            if revive is not None:
                try:
                    await revive()
                except DynoError as error:
                    last = error
                    continue
        try:
            async with pool.connection() as link:
                return await work(link)
        except CONNECTION_ERRORS as error:
            last = error
    raise failure((str(last).strip() or type(last).__name__).split("\n", 1)[0]) from last
