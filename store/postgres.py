"""The embedded Postgres of a cache folder: start or reuse, stop, status, remove.

One server per cache folder, started on first use and left running, so that the next command finds
it warm (about 40 MB of memory); `stop_server` or a reboot ends it. Any number of processes may ask
at once: the start happens under a file lock beside the data. Every connection needs a generated
password (scram-sha-256) that is kept in a file which only its owner may read; addresses name that
file and never hold the password. It listens on a Unix socket in its own closed folder, or, where
the path of that socket would be too long for the system, on 127.0.0.1 and a free port.
"""

import asyncio
import errno
import fcntl
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agentdyno.core.errors import DynoError, HarnessFault
from agentdyno.store import process
from agentdyno.store.cluster import Cluster, locate

_LOCK_SECONDS = process.START_SECONDS + 30


@dataclass(frozen=True, kw_only=True)
class ServerStatus:
    """What `agentdyno db status` tells."""

    running: bool
    """Whether the server accepts a connection."""
    pid: int | None
    """Process id of the postmaster; null when there is none."""
    folder: Path
    """Where data, log and password are."""
    dsn: str | None
    """Address, without the password; null while the server is down."""


async def ensure_server(cache: Path) -> str:
    """Start or reuse the server of `cache` and return the address of its database.

    The address (a libpq URL) holds no password and may be printed.

    Raises:
        DynoError: the server cannot be started, with the reason and the next command.
    """
    cache = _absolute(cache)
    with _explained(cache):
        _parent(cache).mkdir(parents=True, exist_ok=True)
        cluster = locate(cache)
        if await asyncio.to_thread(process.alive, cluster):
            return cluster.dsn()
        async with _locked(cache):
            cluster = locate(cache)
            await asyncio.to_thread(_start, cluster)
            return cluster.dsn()


async def stop_server(cache: Path) -> bool:
    """Stop the server of `cache`; returns whether one was running.

    Raises:
        DynoError: it does not stop.
    """
    cache = _absolute(cache)
    if not _parent(cache).exists():
        return False
    with _explained(cache):
        async with _locked(cache):
            return await asyncio.to_thread(process.stop, locate(cache))


async def remove_server(cache: Path) -> None:
    """Stop the server of `cache` and delete its data: every stored trial and memory.

    Raises:
        DynoError: it does not stop, or its files cannot be deleted.
    """
    cache = _absolute(cache)
    if not _parent(cache).exists():
        return
    await stop_server(cache)
    with _explained(cache):
        async with _locked(cache):
            folder = locate(cache).folder
            if folder.exists():
                await asyncio.to_thread(shutil.rmtree, folder)


async def server_status(cache: Path) -> ServerStatus:
    """Tell whether the server of `cache` runs; starts and makes nothing.

    Raises:
        DynoError: the server refuses our password.
    """
    cache = _absolute(cache)
    folder = _parent(cache) / "server"
    if not _parent(cache).exists():
        return ServerStatus(running=False, pid=None, folder=folder, dsn=None)
    with _explained(cache):
        cluster = locate(cache)
        running = await asyncio.to_thread(process.alive, cluster)
        return ServerStatus(
            running=running, pid=process.running_pid(cluster.data), folder=cluster.folder,
            dsn=cluster.dsn() if running else None,
        )


def _absolute(cache: Path) -> Path:
    return cache.expanduser().absolute()


def _parent(cache: Path) -> Path:
    return cache / "postgres"


def _start(cluster: Cluster) -> None:
    if process.alive(cluster):
        return
    cluster.prepare()
    process.create(cluster)
    process.start(cluster)


@asynccontextmanager
async def _locked(cache: Path) -> AsyncIterator[None]:
    deadline = time.monotonic() + _LOCK_SECONDS
    descriptor = os.open(_parent(cache) / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise DynoError(
                        f"Another process has been starting the Postgres of {cache} for "
                        f"{_LOCK_SECONDS} s.", "agentdyno db status",
                    ) from None
                await asyncio.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _explained(cache: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = f"{error.strerror or error} ({error.filename or cache})"
        raise _unusable(cache, reason, error.errno == errno.ENOSPC) from error
    except process.ToolFailed as error:
        raise _unusable(cache, str(error), "No space left on device" in str(error)) from error


def _unusable(cache: Path, reason: str, full: bool) -> DynoError:
    first = "free some space" if full else f"make {cache} writable"
    return HarnessFault(
        f"The embedded Postgres of {cache} cannot be started: {reason}",
        f"{first}, or set AGENTDYNO_CACHE to another folder, or AGENTDYNO_DATABASE_URL to a "
        "Postgres server, and run the command again",
    )
