"""The writer: group commit, reconnecting, and the spool file when nothing else is left."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from agentdyno.core.errors import HarnessFault
from agentdyno.core.event import WireRecord
from agentdyno.core.trial import Trial
from agentdyno.store.database import open_pool
from agentdyno.store.migrations import migrate
from agentdyno.store.postgres import ensure_server, remove_server, server_status, stop_server
from agentdyno.store.spool import Spool, import_spools
from agentdyno.store.trials import TrialStore
from agentdyno.store.writer import TrialWriter

Make = Callable[..., Trial]
Wire = tuple[WireRecord, ...]


async def test_many_puts_share_few_transactions(
    store: TrialStore, make_trial: Make, wire: Wire, tmp_path: Path
) -> None:
    run = await store.create_matrix("run", {})
    batches: list[int] = []
    save = store.save_records

    async def counted(matrix_id: str, records: list[object]) -> int:
        batches.append(len(records))
        return await save(matrix_id, records)  # type: ignore[arg-type]

    store.save_records = counted  # type: ignore[method-assign,assignment]
    trials = [make_trial(n) for n in range(100)]
    async with TrialWriter(store, run, Spool(tmp_path, run, "run", {})) as writer:
        await asyncio.gather(*(writer.put(trial, wire) for trial in trials))
        assert await store.stored([t.id for t in trials]) == {t.id for t in trials}
    assert sum(batches) == 100
    assert len(batches) <= 3
    assert list(tmp_path.iterdir()) == []


async def test_killed_backends_are_not_noticed(
    store: TrialStore, make_trial: Make, database: str, tmp_path: Path
) -> None:
    run = await store.create_matrix("run", {})
    async with TrialWriter(store, run, Spool(tmp_path, run, "run", {})) as writer:
        await writer.put(make_trial(0))
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as link:
            await link.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        await asyncio.gather(*(writer.put(make_trial(n)) for n in range(1, 20)))
    assert len(await store.list()) == 20


async def test_a_trial_that_the_database_refuses_does_not_take_others_with_it(
    store: TrialStore, make_trial: Make, tmp_path: Path
) -> None:
    run = await store.create_matrix("run", {})
    bad = make_trial(1, started_at="yesterday evening")
    async with TrialWriter(store, run, Spool(tmp_path, run, "run", {})) as writer:
        results = await asyncio.gather(
            writer.put(make_trial(0)), writer.put(bad), writer.put(make_trial(2)),
            return_exceptions=True,
        )
    assert [type(result) for result in results] == [type(None), HarnessFault, type(None)]
    assert bad.id in str(results[1])
    assert len(await store.list()) == 2


async def test_nothing_is_taken_after_the_end(
    store: TrialStore, make_trial: Make, tmp_path: Path
) -> None:
    run = await store.create_matrix("run", {})
    async with TrialWriter(store, run, Spool(tmp_path, run, "run", {})) as writer:
        pass
    with pytest.raises(HarnessFault, match="after the writer was closed"):
        await writer.put(make_trial())


async def test_a_killed_server_is_revived_or_the_trials_are_spooled_and_imported(
    make_trial: Make, wire: Wire, tmp_path: Path
) -> None:
    cache, spools = tmp_path / "cache", tmp_path / "spool"
    try:
        dsn = await ensure_server(cache)
        await migrate(dsn)
        pool = await open_pool(dsn, timeout_s=1.0)
        store = TrialStore(pool)
        run = await store.create_matrix("run", {"seed": 7})
        revived = TrialWriter(
            store, run, Spool(spools, run, "run", {}), revive=lambda: ensure_server(cache)
        )
        async with revived as writer:
            await writer.put(make_trial(0))
            pid = (await server_status(cache)).pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await writer.put(make_trial(1))
        assert len(await store.list()) == 2

        spool = Spool(spools, run, "run", {"seed": 7})
        alone = TrialWriter(store, run, spool, pauses_s=(0.0,))

        async def two_trials() -> None:
            async with alone as writer:
                await stop_server(cache)
                await writer.put(make_trial(2), wire)
                await writer.put(make_trial(3), wire)
                assert await import_spools(store, spools) == 0, "still being written"

        with pytest.raises(HarnessFault, match="2 finished trials could not be stored") as caught:
            await two_trials()
        assert str(spool.path) in str(caught.value)
        await pool.close()

        dsn = await ensure_server(cache)
        pool = await open_pool(dsn)
        store = TrialStore(pool)
        assert await import_spools(store, spools) == 2
        assert await import_spools(store, spools) == 0
        assert list(spools.iterdir()) == []
        assert await store.get(make_trial(3).id) == make_trial(3)
        assert await store.wire(make_trial(3).id) == wire
        await pool.close()
    finally:
        await remove_server(cache)


async def test_a_spool_survives_a_cut_line_but_names_a_damaged_one(
    store: TrialStore, make_trial: Make, tmp_path: Path
) -> None:
    spool = Spool(tmp_path, "a" * 32, "run", {})
    spool.add([(make_trial(0), ()), (make_trial(1), ())])
    spool.close()
    whole = spool.path.read_text()
    spool.path.write_text(whole + '{"trial": {"id')
    assert await import_spools(store, tmp_path) == 2
    spool.path.write_text(whole.replace('{"trial":', '{"trial":x', 1))
    with pytest.raises(HarnessFault, match=r"jsonl:2 is damaged"):
        await import_spools(store, tmp_path)
    assert spool.path.exists()


async def test_when_neither_database_nor_disk_takes_a_trial_its_loss_is_told(
    store: TrialStore, make_trial: Make, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    run = await store.create_matrix("run", {})
    pool = await open_pool(store._pool.conninfo, timeout_s=0.5)  # type: ignore[arg-type]
    await pool.close()
    broken = TrialWriter(
        TrialStore(pool), run, Spool(tmp_path / "file" / "x", run, "run", {}), pauses_s=(0.0,)
    )
    async with broken as writer:
        with pytest.raises(HarnessFault, match="are lost"):
            await writer.put(make_trial())
