"""The ledger: on the disk before a call, corrected after it, and never behind what was spent."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agentdyno.core.errors import HarnessFault
from agentdyno.core.spend import DayTotals, Reservation, Spent
from agentdyno.core.trial import USER_SIMULATOR
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.ledger import SpendLedger, utc_today
from agentdyno.store.migrations import migrate
from agentdyno.store.postgres import ensure_server, remove_server, server_status, stop_server
from agentdyno.store.spending import SpendRow, spending

_KILLED = Path(__file__).parent / "killed_run.py"


def _entry(**changes: Any) -> Reservation:
    values: dict[str, Any] = {
        "trial_id": "trial1", "agent": "analyst", "provider": "openai", "model": "gpt-4o-mini",
        "tokens": 5000, "cost_usd": 0.0025,
    }
    return Reservation(**(values | changes))


def _spent(**changes: Any) -> Spent:
    values: dict[str, Any] = {
        "provider": "openai", "model": "gpt-4o-mini-2024-07-18", "prompt_tokens": 900,
        "completion_tokens": 100, "cached_tokens": 500, "cost_usd": 0.0004987,
    }
    return Spent(**(values | changes))


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database)
    yield pool
    await pool.close()


async def _rows(pool: Pool) -> list[SpendRow]:
    return await spending(pool, date(2000, 1, 1))


def _states(database: str) -> list[tuple[str, int]]:
    with psycopg.connect(database) as link:
        rows = link.execute("SELECT state, counted_tokens FROM spend ORDER BY reserved_at")
        return rows.fetchall()


async def test_a_reservation_is_on_the_disk_when_it_returns(pool: Pool, database: str) -> None:
    ledger = SpendLedger(pool, "run1")
    await ledger.reserve(_entry(), totals=False)
    assert _states(database) == [("reserved", 5000)]
    (row,) = await _rows(pool)
    assert (row.open, row.cost_usd, row.open_usd) == (1, 0.0025, 0.0025)
    await ledger.close()


async def test_what_a_call_took_replaces_what_was_reserved_for_it(
    pool: Pool, database: str
) -> None:
    ledger = SpendLedger(pool, "run1")
    ticket, _ = await ledger.reserve(_entry(), totals=False)
    ledger.settle(ticket, _spent())
    await ledger.close()
    assert _states(database) == [("settled", 1000)]
    (row,) = await _rows(pool)
    assert (row.model, row.tokens, row.cached_tokens) == ("gpt-4o-mini-2024-07-18", 1000, 500)
    assert (row.cost_usd, row.open, row.estimated, row.unpriced) == (0.0004987, 0, 0, 0)


async def test_many_calls_that_end_together_share_few_transactions(
    pool: Pool, database: str
) -> None:
    ledger = SpendLedger(pool, "run1")
    tickets = [(await ledger.reserve(_entry(), totals=False))[0] for _ in range(30)]
    with psycopg.connect(database) as link:
        query = "SELECT xmin FROM spend"
        for ticket in tickets:
            ledger.settle(ticket, _spent())
        await ledger.close()
        assert len({row[0] for row in link.execute(query)}) == 1


async def test_a_call_that_was_not_made_leaves_nothing(pool: Pool, database: str) -> None:
    ledger = SpendLedger(pool, "run1")
    ticket, _ = await ledger.reserve(_entry(), totals=False)
    ledger.cancel(ticket)
    await ledger.close()
    assert _states(database) == []


async def test_a_call_that_broke_off_keeps_its_reservation_and_is_marked(
    pool: Pool, database: str
) -> None:
    ledger = SpendLedger(pool, "run1")
    ticket, _ = await ledger.reserve(_entry(), totals=False)
    ledger.settle(ticket, _spent(known=False, prompt_tokens=0, completion_tokens=0, cost_usd=None))
    await ledger.close()
    assert _states(database) == [("estimated", 5000)]
    (row,) = await _rows(pool)
    assert (row.cost_usd, row.estimated, row.open) == (0.0025, 1, 0)


async def test_an_unknown_price_is_unknown_and_a_server_of_ones_own_is_not_billed(
    pool: Pool
) -> None:
    ledger = SpendLedger(pool, "run1")
    for provider, billed in (("openai", True), ("ollama", False)):
        entry = _entry(provider=provider, model="m", cost_usd=None, billed=billed)
        ticket, _ = await ledger.reserve(entry, totals=False)
        ledger.settle(ticket, _spent(provider=provider, model="m", cost_usd=None, billed=billed))
    await ledger.close()
    rows = {row.provider: row for row in await _rows(pool)}
    assert rows["openai"].cost_usd is rows["ollama"].cost_usd is None
    assert (rows["openai"].unpriced, rows["openai"].billed) == (1, True)
    assert (rows["ollama"].unpriced, rows["ollama"].billed) == (0, False)


async def test_the_simulated_users_calls_are_kept_apart(pool: Pool) -> None:
    ledger = SpendLedger(pool, "run1")
    for agent in ("analyst", "researcher", USER_SIMULATOR):
        await ledger.reserve(_entry(agent=agent), totals=False)
    assert {(row.simulator, row.calls) for row in await _rows(pool)} == {(False, 2), (True, 1)}


async def test_a_day_counts_all_runs_settled_or_not_and_begins_anew_at_midnight(
    pool: Pool
) -> None:
    today = [date(2026, 11, 21)]
    first = SpendLedger(pool, "run1", today=lambda: today[0])
    second = SpendLedger(pool, "run2", today=lambda: today[0])
    ticket, before = await first.reserve(_entry(), totals=True)
    assert before == DayTotals()
    first.settle(ticket, _spent())
    await first.reserve(_entry(), totals=False)
    await first.close()
    _, before = await second.reserve(_entry(), totals=True)
    assert before is not None
    assert (before.calls, before.tokens) == (2, 6000)
    assert before.cost_usd == pytest.approx(0.0025 + 0.0004987)
    assert before.wall_s > 0
    today[0] = date(2026, 11, 22)
    assert (await second.reserve(_entry(), totals=True))[1] == DayTotals()


async def test_what_has_ended_is_in_the_totals_of_the_next_call_at_once(pool: Pool) -> None:
    ledger = SpendLedger(pool, "run1")
    ticket, _ = await ledger.reserve(_entry(), totals=True)
    ledger.settle(ticket, _spent())
    _, before = await ledger.reserve(_entry(), totals=True)
    assert before is not None
    assert before.tokens == 1000
    await ledger.close()


async def test_of_reservations_side_by_side_each_sees_the_ones_before_it(pool: Pool) -> None:
    ledgers = [SpendLedger(pool, f"run{n}") for n in range(8)]
    found = await asyncio.gather(*(one.reserve(_entry(), totals=True) for one in ledgers))
    assert sorted(totals.calls for _, totals in found if totals) == list(range(8))


async def test_a_ledger_that_is_not_used_makes_no_connection() -> None:
    closed = await open_pool_never()
    await SpendLedger(closed, "run1").close()


async def open_pool_never() -> Pool:
    from psycopg_pool import AsyncConnectionPool

    return AsyncConnectionPool("host=/nowhere", open=False)


async def test_killed_backends_are_not_noticed(pool: Pool, database: str) -> None:
    ledger = SpendLedger(pool, "run1")
    ticket, _ = await ledger.reserve(_entry(), totals=True)
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as link:
        await link.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    ledger.settle(ticket, _spent())
    await ledger.reserve(_entry(), totals=True)
    await ledger.close()
    assert _states(database) == [("settled", 1000), ("reserved", 5000)]


async def test_a_dead_server_is_revived_or_the_call_is_refused_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    cache = tmp_path / "cache"
    try:
        dsn = await ensure_server(cache)
        await migrate(dsn)
        pool = await open_pool(dsn, timeout_s=1.0)
        revived = SpendLedger(pool, "run1", revive=lambda: ensure_server(cache))
        ticket, _ = await revived.reserve(_entry(), totals=True)
        pid = (await server_status(cache)).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        revived.settle(ticket, _spent())
        _, before = await revived.reserve(_entry(), totals=True)
        assert before is not None
        assert before.tokens == 1000
        await revived.close()

        alone = SpendLedger(pool, "run2", pauses_s=(0.0,))
        ticket, _ = await alone.reserve(_entry(), totals=False)
        await stop_server(cache)
        with pytest.raises(HarnessFault, match="No call that costs money is made without") as told:
            await alone.reserve(_entry(), totals=False)
        assert "agentdyno db status" in told.value.hint
        alone.settle(ticket, _spent())
        with pytest.raises(HarnessFault, match="cannot be written"):
            await alone.close()
        await ensure_server(cache)
        await alone.close()
        rows = {row.matrix_id: row for row in await spending(pool, utc_today())}
        assert (rows["run2"].calls, rows["run2"].tokens, rows["run2"].open) == (1, 1000, 0)
        await pool.close()
    finally:
        await remove_server(cache)


async def test_a_harness_that_is_killed_in_mid_call_loses_no_cent(
    pool: Pool, database: str
) -> None:
    """The process makes one call to its end and is killed while the provider answers the second."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(_KILLED), database, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"in mid-call\n"
    process.kill()
    await process.wait()
    answered, under_way = sorted(await _rows(pool), key=lambda row: row.open)
    assert (answered.calls, under_way.calls, under_way.open) == (1, 1, 1)
    assert answered.cost_usd == pytest.approx(900 * 0.15e-6 + 100 * 0.6e-6)
    assert under_way.cost_usd is not None
    assert under_way.cost_usd > 500 * 0.6e-6, "the completion that was asked for at most"
    _, before = await SpendLedger(pool, "run2").reserve(_entry(), totals=True)
    assert before is not None
    assert before.calls == 2
    assert before.cost_usd == pytest.approx(answered.cost_usd + under_way.cost_usd)
