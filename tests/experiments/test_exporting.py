"""What a run does for its exports, and the process that works them off."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from agentdyno.core.settings import Settings
from agentdyno.experiments import exporting
from agentdyno.experiments.exporting import announce, log_path, targets_of
from agentdyno.experiments.exportqueue import ExportView, Patience, work_off
from agentdyno.experiments.tracking.address import URI, tracking_address
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.exports import ExportQueue
from agentdyno.store.trials import TrialStore
from agentdyno.tests.experiments.exported import sealed, wire

AT_ONCE = Patience(attempts=2, first_wait_s=0.0)
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database)
    yield pool
    await pool.close()


@pytest.fixture
async def settings(database: str, tmp_path: Path) -> AsyncIterator[Settings]:
    """Settings of a cache and a database of this test's own."""
    yield Settings(cache=tmp_path, database_url=database)
    name = str(psycopg.conninfo.conninfo_to_dict(database)["dbname"])
    maintenance = database.replace(f"/{name}?", "/postgres?")
    async with await psycopg.AsyncConnection.connect(maintenance, autocommit=True) as link:
        await link.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
            sql.Identifier(f"{name}_mlflow")))


async def finished(pool: Pool, count: int = 2) -> tuple[str, list[str]]:
    """Store a run of `count` trials."""
    store = TrialStore(pool)
    trials = [sealed(repeat=repeat) for repeat in range(count)]
    matrix = await store.create_matrix("agentdyno run letters", {})
    await store.save(matrix, [(trial, wire()) for trial in trials])
    await store.finish_matrix(matrix, "finished")
    return matrix, [trial.id for trial in trials]


async def test_the_end_of_a_run_costs_a_line_and_the_start_of_a_process(
    pool: Pool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    def popen(argv: list[str], **how: object) -> None:
        assert how["start_new_session"]
        assert how["stdin"] == subprocess.DEVNULL
        started.append(argv)

    monkeypatch.setattr(subprocess, "Popen", popen)
    matrix, ids = await finished(pool, 60)
    began = time.perf_counter()
    assert await announce(pool, settings, matrix, ids) == ""
    assert time.perf_counter() - began < 0.5
    [row] = await ExportQueue(pool).list()
    assert (row.matrix_id, row.target, row.state) == (matrix, "mlflow", "waiting")
    assert started[0][-1] == "agentdyno.experiments.exporting"


async def test_nothing_is_asked_for_where_exports_are_off(
    pool: Pool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "spawn", pytest.fail)
    matrix, ids = await finished(pool)
    off = settings.model_copy(update={"mlflow": False})
    assert await announce(pool, off, matrix, ids) == ""
    assert await announce(pool, settings, matrix, ids, mlflow=False) == ""
    assert await announce(pool, settings, matrix, []) == ""
    assert await ExportQueue(pool).list() == []
    both = settings.model_copy(update={"otlp_endpoint": "http://127.0.0.1:4318"})
    assert targets_of(both) == ("mlflow", "otlp")
    assert targets_of(both, mlflow=False) == ("otlp",)


async def test_a_run_waits_and_installs_nothing_where_mlflow_is_not_there(
    pool: Pool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "companion_if_ready", lambda cache: None)
    monkeypatch.setattr(exporting, "spawn", pytest.fail)
    matrix, ids = await finished(pool)
    assert "MLflow yet" in await announce(pool, settings, matrix, ids)
    assert [row.state for row in await ExportQueue(pool).list()] == ["waiting"]


async def test_a_log_that_cannot_be_written_fails_no_run(
    pool: Pool, settings: Settings
) -> None:
    matrix, ids = await finished(pool)
    log_path(settings.cache).mkdir()
    assert "not exported yet" in await announce(pool, settings, matrix, ids)


async def test_while_mlflow_is_away_a_run_waits_with_the_reason_and_arrives_later(
    pool: Pool, settings: Settings
) -> None:
    matrix, ids = await finished(pool)
    queue = ExportQueue(pool)
    await queue.add(matrix, ["mlflow"], ids)
    notes: list[str] = []
    away = settings.model_copy(update={"mlflow_uri": NOWHERE})
    assert await work_off(away, pool, "mlflow", patience=AT_ONCE,
                          view=ExportView(note=notes.append))
    [row] = await queue.list()
    assert (row.state, row.attempts) == ("waiting", 2)
    assert NOWHERE in row.error
    assert row.next_try_at > row.asked_at
    assert matrix[:10] in notes[0]
    assert await queue.due("mlflow") is None

    await queue.hurry("mlflow")
    seen: list[tuple[int, int]] = []
    one, two = await asyncio.gather(*(
        work_off(settings, pool, "mlflow", patience=AT_ONCE,
                 view=ExportView(progress=lambda row, done, of: seen.append((done, of))))
        for _ in range(2)
    ))
    assert one is not two, "of two at once, one works and the other is told"
    [row] = await queue.list()
    assert (row.state, row.exported, row.error) == ("done", 2, "")
    assert seen[-1] == (2, 2)
    address = await tracking_address(settings)
    with psycopg.connect(address[URI].replace("+psycopg", "")) as link:
        found = link.execute("SELECT count(*) FROM trace_info").fetchone()
        assert found == (2,)


async def test_tables_of_a_newer_mlflow_refuse_the_export_with_the_next_command(
    pool: Pool, settings: Settings
) -> None:
    matrix, ids = await finished(pool)
    address = await tracking_address(settings)
    with psycopg.connect(address[URI].replace("+psycopg", "")) as link:
        link.execute("CREATE TABLE alembic_version (version_num varchar(32))")
        link.execute("INSERT INTO alembic_version VALUES ('feedc0ffee99')")
    queue = ExportQueue(pool)
    await queue.add(matrix, ["mlflow"], ids)
    await work_off(settings, pool, "mlflow", patience=AT_ONCE)
    [row] = await queue.list()
    assert (row.state, row.attempts) == ("refused", 1)
    assert "feedc0ffee99" in row.error
    assert "next: update agentdyno" in row.error
    with psycopg.connect(address[URI].replace("+psycopg", "")) as link:
        tables = link.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables == (1,), "nothing was made beside the other's table"
