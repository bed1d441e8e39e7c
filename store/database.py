"""Connections to Postgres: the pool that everything shares, and errors fit to be shown."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from agentdyno.core.errors import HarnessFault

Pool = AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]]

CONNECTION_ERRORS = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)
"""What a killed server, a full disk or a cut line looks like; the same work may be tried again."""


async def open_pool(dsn: str, *, size: int = 8, timeout_s: float = 10.0) -> Pool:
    """Open a pool of at most `size` connections, each tested before it is handed out.

    Raises:
        HarnessFault: the database cannot be reached within `timeout_s` seconds.
    """
    pool: Pool = AsyncConnectionPool(
        dsn, min_size=1, max_size=size, open=False, timeout=timeout_s,
        check=AsyncConnectionPool.check_connection,
        kwargs={"application_name": "agentdyno", "connect_timeout": int(timeout_s) + 1},
    )
    # One plain connection first: it says why it fails, where a pool can only time out.
    try:
        link = await asyncio.wait_for(psycopg.AsyncConnection.connect(dsn), timeout_s)
        await link.close()
        await pool.open()
    except (*CONNECTION_ERRORS, TimeoutError, psycopg.ProgrammingError) as error:
        await pool.close()
        raise unreachable(dsn, error) from error
    return pool


@asynccontextmanager
async def connected(pool: Pool) -> AsyncIterator[psycopg.AsyncConnection[TupleRow]]:
    """Lend a connection of `pool`.

    Raises:
        HarnessFault: the database is away, also when it goes away inside the block.
    """
    try:
        async with pool.connection() as link:
            yield link
    except CONNECTION_ERRORS as error:
        dsn = pool.conninfo
        raise unreachable(dsn if isinstance(dsn, str) else "", error) from error


def describe(dsn: str) -> str:
    """Return host and database of `dsn`, without user and password."""
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        return "the given address"
    where = parts.get("host") or parts.get("hostaddr") or "localhost"
    return f"{parts.get('dbname') or 'its default database'} at {where}"


def unreachable(dsn: str, error: BaseException) -> HarnessFault:
    """Return the error that says why the database of `dsn` cannot be used."""
    if isinstance(error, psycopg.ProgrammingError):
        # The parser's message quotes the address, password and all.
        reason = "the address is not a libpq URL or connection string"
    else:
        reason = str(error).strip() or "no answer in time"
    return HarnessFault(
        f"The database {describe(dsn)} cannot be used: {reason}",
        "agentdyno db status, or check AGENTDYNO_DATABASE_URL",
    )
