"""The schema: ordered SQL files, applied once each, under a lock that all processes share."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import psycopg

from agentdyno.core.errors import DynoError, HarnessFault
from agentdyno.store.database import CONNECTION_ERRORS, describe, unreachable

FOLDER = Path(__file__).parent / "sql"
OLDEST_SERVER = 140000
_LOCK = 0x64796E6F
_TABLE = """
    CREATE TABLE IF NOT EXISTS schema_migration (
        name text PRIMARY KEY,
        sha256 text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""


async def migrate(dsn: str, folder: Path = FOLDER) -> tuple[str, ...]:
    """Bring the database of `dsn` to the schema of `folder`; returns the names just applied.

    Raises:
        DynoError: a newer agentdyno made the schema, an applied file was edited since, the server
            is too old or lacks pgvector, or it cannot be reached.
    """
    files = _files(folder)
    try:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as link:
            _check_server(link.info.server_version, dsn)
            # The common case is one query and no lock.
            if _missing(await _applied(link), files, dsn) == ():
                return ()
            await link.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
            async with link.transaction():
                await link.execute(_TABLE)
            missing = _missing(await _applied(link), files, dsn)
            for name in missing:
                await _apply(link, name, files[name], dsn)
            return missing
    except (*CONNECTION_ERRORS, psycopg.ProgrammingError) as error:
        raise unreachable(dsn, error) from error


async def pending(dsn: str, folder: Path = FOLDER) -> tuple[str, ...]:
    """Return the names of `folder` that the database of `dsn` has not had yet; changes nothing.

    Raises:
        DynoError: a newer agentdyno made the schema, an applied file was edited since, or the
            database cannot be reached.
    """
    try:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as link:
            return _missing(await _applied(link), _files(folder), dsn)
    except (*CONNECTION_ERRORS, psycopg.ProgrammingError) as error:
        raise unreachable(dsn, error) from error


def _files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.glob("*.sql"))}


async def _applied(link: psycopg.AsyncConnection) -> dict[str, str] | None:
    found = await (await link.execute("SELECT to_regclass('schema_migration')")).fetchone()
    if found == (None,):
        return None
    rows = await link.execute("SELECT name, sha256 FROM schema_migration")
    return {name: digest async for name, digest in rows}


def _missing(
    applied: Mapping[str, str] | None, files: Mapping[str, str], dsn: str
) -> tuple[str, ...]:
    for name, digest in sorted((applied or {}).items()):
        if name not in files:
            raise DynoError(
                f"The database {describe(dsn)} was made by a newer agentdyno: it has had {name}.",
                "update agentdyno, or set AGENTDYNO_DATABASE_URL to another database",
            )
        if digest != _digest(files[name]):
            raise DynoError(
                f"{name} was edited after it was applied to the database {describe(dsn)}.",
                f"restore {name} and put the change into a new file after the last one",
            )
    return tuple(name for name in files if applied is None or name not in applied)


async def _apply(link: psycopg.AsyncConnection, name: str, text: str, dsn: str) -> None:
    try:
        async with link.transaction():
            await link.execute(text.encode())
            await link.execute(
                "INSERT INTO schema_migration (name, sha256) VALUES (%s, %s)",
                [name, _digest(text)],
            )
    except (
        psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile,
        psycopg.errors.InsufficientPrivilege,
    ) as error:
        raise HarnessFault(
            f"The database {describe(dsn)} cannot have what {name} asks for: "
            f"{error.diag.message_primary}",
            "install pgvector on that server and run CREATE EXTENSION vector there as its owner, "
            "or unset AGENTDYNO_DATABASE_URL to use the embedded Postgres, which has it",
        ) from error


def _check_server(version: int, dsn: str) -> None:
    if version < OLDEST_SERVER:
        raise HarnessFault(
            f"The database {describe(dsn)} is PostgreSQL {version // 10000}; "
            f"agentdyno needs {OLDEST_SERVER // 10000} or newer.",
            "unset AGENTDYNO_DATABASE_URL to use the embedded Postgres",
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
