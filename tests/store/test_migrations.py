"""The schema: pinned, applied once, and never changed behind the database's back."""

import asyncio
import shutil
from pathlib import Path

import psycopg
import pytest

from agentdyno.core.errors import DynoError, HarnessFault
from agentdyno.store.migrations import FOLDER, migrate

SNAPSHOT = Path(__file__).parent / "schema.txt"
_COLUMNS = """
    SELECT format('%s.%s %s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                  CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
                  CASE WHEN a.attgenerated <> '' THEN ' generated' ELSE '' END)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0
    ORDER BY c.relname, a.attnum
"""
_INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexdef"
_CHECKS = """
    SELECT format('%s: %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f') ORDER BY 1
"""


@pytest.fixture
def empty(database: str) -> str:
    with psycopg.connect(database, autocommit=True) as link:
        link.execute("DROP SCHEMA public CASCADE")
        link.execute("CREATE SCHEMA public")
    return database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "sql"))


def test_the_final_schema_is_the_committed_one(database: str) -> None:
    with psycopg.connect(database) as link:
        lines = [row[0] for part in (_COLUMNS, _INDEXES, _CHECKS) for row in link.execute(part)]
    assert lines == SNAPSHOT.read_text().splitlines()


async def test_six_processes_at_once_apply_each_file_once(empty: str) -> None:
    applied = await asyncio.gather(*(migrate(empty) for _ in range(6)))
    files = tuple(path.name for path in sorted(FOLDER.glob("*.sql")))
    assert sorted(applied, key=len)[-1] == files
    assert sum(map(len, applied)) == len(files)
    assert await migrate(empty) == ()


async def test_an_edited_file_is_refused(database: str, folder: Path) -> None:
    first = min(folder.glob("*.sql"))
    first.write_text(first.read_text() + "-- edited\n")
    with pytest.raises(DynoError, match=f"{first.name} was edited") as caught:
        await migrate(database, folder)
    assert "restore" in caught.value.hint


async def test_a_newer_schema_is_refused(database: str, folder: Path) -> None:
    max(folder.glob("*.sql")).unlink()
    with pytest.raises(DynoError, match="made by a newer agentdyno"):
        await migrate(database, folder)


async def test_a_file_that_fails_leaves_nothing_behind(database: str, folder: Path) -> None:
    (folder / "9999_new.sql").write_text("CREATE TABLE half (n int); SELECT 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        await migrate(database, folder)
    with psycopg.connect(database) as link:
        row = link.execute("SELECT to_regclass('half')").fetchone()
    assert row == (None,)


async def test_a_server_without_an_extension_is_told_with_a_way_out(
    empty: str, tmp_path: Path
) -> None:
    (tmp_path / "0001_x.sql").write_text("CREATE EXTENSION IF NOT EXISTS vector_of_nobody")
    with pytest.raises(HarnessFault, match="vector_of_nobody") as caught:
        await migrate(empty, tmp_path)
    assert "install pgvector" in caught.value.hint


async def test_an_address_that_is_none_is_told_without_its_password() -> None:
    with pytest.raises(HarnessFault) as caught:
        await migrate("postgresql:/u:hunter2@x y")
    assert "hunter2" not in str(caught.value)
