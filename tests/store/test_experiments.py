"""Experiments in the store: versions, looks, their trials, and one process at a time."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from agentdyno.core.errors import UsageError
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.experiments import ExperimentStore, LookRow
from agentdyno.store.trials import TrialStore


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database)
    yield pool
    await pool.close()


def look(number: int, matrix: str) -> LookRow:
    return LookRow(
        look=number, matrix_id=matrix, rounds=5 * number, said={"verdicts": []},
        looked_at=datetime.now(UTC),
    )


async def test_each_definition_is_a_version_and_the_newest_one_is_found(pool: Pool) -> None:
    store = ExperimentStore(pool)
    assert await store.find("trying") is None
    first = await store.create("trying", "d1", {"name": "trying"}, {"rounds": 5}, "ada")
    second = await store.create("trying", "d2", {"name": "trying"}, {"rounds": 9}, "bob")
    await store.create("other", "d1", {}, {}, "ada")
    assert (first.version, second.version) == (1, 2)
    assert await store.find("trying") == second
    assert await store.find("trying", 1) == first
    assert (second.design, second.created_by) == ({"rounds": 9}, "bob")


async def test_looks_are_kept_in_order_and_a_trial_belongs_to_the_first_that_asked_for_it(
    pool: Pool
) -> None:
    store = ExperimentStore(pool)
    row = await store.create("trying", "d", {}, {}, "ada")
    matrix = await TrialStore(pool).create_matrix("agentdyno experiment run", {})
    await store.keep_look(row.id, look(1, matrix), {"baseline": ["t1"], "a": ["t2"]})
    await store.keep_look(row.id, look(2, matrix), {"baseline": ["t1", "t3"], "a": ["t2"]})
    assert [one.rounds for one in await store.looks(row.id)] == [5, 10]
    assert await store.trials(row.id) == {"baseline": ("t1", "t3"), "a": ("t2",)}
    (listed,) = await store.list()
    assert (listed.name, listed.version, listed.looks) == ("trying", 1, 2)


async def test_an_experiment_is_run_by_one_process_at_a_time(pool: Pool) -> None:
    store = ExperimentStore(pool)
    async with store.running("trying"):
        async with store.running("other"):
            pass
        with pytest.raises(UsageError, match="is being run by another process"):
            async with store.running("trying"):
                pass
    async with store.running("trying"):
        pass
