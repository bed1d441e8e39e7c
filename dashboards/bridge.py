"""Between Streamlit's threads and the store's coroutines: one event loop in a thread of its own.

Streamlit runs a page in a thread, anew for every interaction; the store is asynchronous, and a pool
of connections belongs to the loop that opened it. All sessions share one loop and one pool.
"""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import streamlit as st

from agentdyno.core.errors import DynoError, HarnessFault, UsageError
from agentdyno.core.settings import Settings, read_settings
from agentdyno.store.database import Pool, describe, open_pool
from agentdyno.store.migrations import pending
from agentdyno.store.postgres import ensure_server, server_status

Result = TypeVar("Result")

PATIENCE_S = 60.0
"""Seconds after which a page gives up on the database."""


class Bridge:
    """A pool of connections and the loop that it lives in."""

    def __init__(self, settings: Settings) -> None:
        """Open the database that `settings` name.

        Raises:
            DynoError: there is none, it cannot be reached, or its schema is not ours.
        """
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="store", daemon=True)
        self._thread.start()
        try:
            self._pool = self._wait(_open(settings))
        except BaseException:
            self._stop()
            raise

    def ask(
        self, work: Callable[[Pool], Awaitable[Result]], patience_s: float = PATIENCE_S
    ) -> Result:
        """Return what `work` makes of the pool; whatever it raises is raised here."""

        async def asked() -> Result:
            return await work(self._pool)

        return self._wait(asked(), patience_s)

    def close(self) -> None:
        """Close the pool and end the thread."""
        try:
            self._wait(self._pool.close())
        finally:
            self._stop()

    def _wait(
        self, work: Coroutine[Any, Any, Result], patience_s: float = PATIENCE_S
    ) -> Result:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(patience_s)
        except TimeoutError as error:
            future.cancel()
            raise HarnessFault(
                f"The database has not answered for {patience_s:.0f} s.", "agentdyno db status"
            ) from error

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def settings() -> Settings:
    """Return the settings of the dashboard's process, from its environment."""
    return read_settings(os.environ)


def ask(work: Callable[[Pool], Awaitable[Result]], patience_s: float = PATIENCE_S) -> Result:
    """Return what `work` makes of the pool: `ask(lambda pool: ApprovalDesk(pool).list())`.

    Raises:
        DynoError: there is no database, it is away, or its schema is not ours; and whatever `work`
            raises.
    """
    found = settings()
    url = found.database_url.get_secret_value() if found.database_url else ""
    return _bridge(url, str(found.cache), found).ask(work, patience_s)


def forget() -> None:
    """Close the pool; the next `ask` opens the database anew."""
    _bridge.clear()


def _close(bridge: Bridge) -> None:
    bridge.close()


@st.cache_resource(show_spinner=False, on_release=_close)
def _bridge(url: str, cache: str, _settings: Settings) -> Bridge:
    return Bridge(_settings)


async def _open(settings: Settings) -> Pool:
    dsn = await _address(settings)
    if missing := await pending(dsn):
        raise DynoError(
            f"The database {describe(dsn)} has the schema of an older agentdyno: it lacks"
            f" {', '.join(missing)}. The dashboard only reads it.",
            "agentdyno ui, or any agentdyno run, brings it up to date",
        )
    return await open_pool(dsn)


async def _address(settings: Settings) -> str:
    """Return the database's address; an embedded one is started, but none is made."""
    if settings.database_url:
        return settings.database_url.get_secret_value()
    status = await server_status(settings.cache)
    if not (status.folder / "data").exists():
        raise UsageError(
            f"There is no database in {settings.cache} yet: nothing has been run.",
            "agentdyno run investment_analysis",
        )
    return status.dsn or await ensure_server(settings.cache)
