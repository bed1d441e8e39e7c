"""The audit log: who changed what."""

import psycopg
import pytest

from agentdyno.core.errors import UsageError
from agentdyno.store.audit import AuditLog
from agentdyno.store.database import open_pool


async def test_lines_come_back_newest_first_and_by_what_they_are_about(database: str):
    pool = await open_pool(database, size=2)
    log = AuditLog(pool)
    await log.record(who="Ada", action="memory.forget", target="m1", detail={"why": "old\0"})
    await log.record(who="Bob", action="matrix.cancel", target="x")
    assert [(row.who, row.action) for row in await log.list()] == [
        ("Bob", "matrix.cancel"), ("Ada", "memory.forget"),
    ]
    [row] = await log.list(target="m1")
    assert (row.detail, row.who) == ({"why": "old\0"}, "Ada")
    assert [row.who for row in await log.list(before=row.id + 1, limit=1)] == ["Ada"]
    await pool.close()


async def test_a_line_without_a_name_is_refused(database: str):
    pool = await open_pool(database, size=1)
    with pytest.raises(UsageError, match="needs the name"):
        await AuditLog(pool).record(who=" \n", action="a.b", target="t")
    await pool.close()


@pytest.mark.parametrize("change", [
    "UPDATE audit SET who = 'Eve'", "DELETE FROM audit", "TRUNCATE audit",
])
async def test_nobody_changes_a_line_not_even_the_owner_of_the_database(
    database: str, change: str
):
    pool = await open_pool(database, size=1)
    await AuditLog(pool).record(who="Ada", action="a.b", target="t")
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        async with pool.connection() as link:
            await link.execute(change.encode())
    assert [row.who for row in await AuditLog(pool).list()] == ["Ada"]
    await pool.close()
