"""Fixtures that every folder's tests share: one real embedded Postgres, one database per test."""

import asyncio
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from agentdyno.store.migrations import migrate
from agentdyno.store.postgres import ensure_server, remove_server

# The commands that tests run would each start an export behind their backs; tests of it ask for it.
os.environ["AGENTDYNO_MLFLOW"] = "off"

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server of our own, in a temporary cache, gone at the end."""
    cache: Path = tmp_path_factory.mktemp("cache")
    try:
        dsn = asyncio.run(ensure_server(cache))
        with psycopg.connect(dsn, autocommit=True) as link:
            # Tests outlive no power failure; waiting for the disk would take most of their time.
            link.execute("ALTER SYSTEM SET fsync = off")
            link.execute("SELECT pg_reload_conf()")
        yield dsn
    finally:
        asyncio.run(remove_server(cache))


@pytest.fixture(scope="session")
def _template(postgres_dsn: str) -> str:
    asyncio.run(migrate(postgres_dsn))
    return postgres_dsn


@pytest.fixture
def database(_template: str) -> Iterator[str]:
    """Address of a fresh, migrated database that nobody else uses."""
    with _copy(_template) as address:
        yield address


@pytest.fixture(scope="module")
def module_database(_template: str) -> Iterator[str]:
    """The same for all tests of a file."""
    with _copy(_template) as address:
        yield address


@contextmanager
def _copy(template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    maintenance = template.replace("/agentdyno?", "/postgres?")
    with psycopg.connect(maintenance, autocommit=True) as link:
        link.execute(sql.SQL("CREATE DATABASE {} TEMPLATE agentdyno").format(sql.Identifier(name)))
        yield template.replace("/agentdyno?", f"/{name}?")
        link.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
