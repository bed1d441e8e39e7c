"""Opens the database that the settings name, ready for use."""

import contextlib
from collections.abc import AsyncIterator

from agentdyno.core.settings import Settings
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.migrations import migrate
from agentdyno.store.postgres import ensure_server


async def address(settings: Settings) -> str:
    """Return the database's address, starting the embedded server when no other is named."""
    if settings.database_url:
        return settings.database_url.get_secret_value()
    return await ensure_server(settings.cache)


@contextlib.asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Pool]:
    """Open a pool on the migrated database for the duration of the context.

    Raises:
        DynoError: the server cannot be started or reached, or its schema is newer than ours.
    """
    dsn = await address(settings)
    await migrate(dsn)
    pool = await open_pool(dsn)
    try:
        yield pool
    finally:
        await pool.close()
