"""Single exchanges out of a trial's wire."""

from collections.abc import AsyncIterator, Callable

import pytest

from agentdyno.core.event import WireRecord
from agentdyno.core.trial import Trial
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.trials import TrialStore
from agentdyno.store.wirereading import wire_lines, wire_records


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database)
    yield pool
    await pool.close()


def record(seq: int, response: str) -> WireRecord:
    return WireRecord(seq=seq, channel="tool", agent=f"agent_{seq % 3}", started_s=0.25 * seq,
                      request='{"jsonrpc": "2.0"}', response=response)


async def store(pool: Pool, trial: Trial, wire: tuple[WireRecord, ...]) -> None:
    trials = TrialStore(pool)
    await trials.save(await trials.create_matrix("run", {}), [(trial, wire)])


async def test_every_exchange_is_listed_without_its_bytes(
    pool: Pool, make_trial: Callable[..., Trial], wire: tuple[WireRecord, ...]
) -> None:
    trial = make_trial()
    await store(pool, trial, wire)
    lines = await wire_lines(pool, trial.id)
    assert [(one.seq, one.channel, one.agent, one.started_s) for one in lines] == [
        (one.seq, one.channel, one.agent, one.started_s) for one in wire
    ]
    assert all(one.size > 20 for one in lines)


async def test_exchanges_larger_than_a_step_of_unpacking_come_back_whole(
    pool: Pool, make_trial: Callable[..., Trial]
) -> None:
    # Random-looking and long: several steps for one line, and several lines in one step.
    texts = [str(n * 7919) * (400_000 if n == 2 else 3) for n in range(40)]
    wire = tuple(record(n, text) for n, text in enumerate(texts))
    trial = make_trial()
    await store(pool, trial, wire)
    assert len(await wire_lines(pool, trial.id)) == len(wire)
    assert await wire_records(pool, trial.id, [39, 2, 99]) == (wire[2], wire[39])


async def test_half_a_surrogate_pair_is_read(
    pool: Pool, make_trial: Callable[..., Trial]
) -> None:
    wire = (record(0, "plain"), record(1, "\ud83d"))
    trial = make_trial()
    await store(pool, trial, wire)
    assert await wire_records(pool, trial.id, [1]) == (wire[1],)
    assert [one.seq for one in await wire_lines(pool, trial.id)] == [0, 1]
    assert await TrialStore(pool).wire(trial.id) == wire


async def test_a_trial_without_any_exchange_has_none(
    pool: Pool, make_trial: Callable[..., Trial]
) -> None:
    trial = make_trial()
    await store(pool, trial, ())
    assert await wire_lines(pool, trial.id) == ()
    assert await wire_records(pool, trial.id, [0]) == ()
