"""Where an experiment stands is read from its stored trials; what began does not change."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from agentdyno.core.errors import UsageError
from agentdyno.core.experiment import Experiment
from agentdyno.core.trial import Outcome, Trial
from agentdyno.experiments.abtest.design import Design
from agentdyno.experiments.abtest.standing import Standing, standing
from agentdyno.experiments.abtest.versions import seen_before, version_of
from agentdyno.experiments.abtest.words import headline, next_step, sentence
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.experiments import ExperimentRow, ExperimentStore, LookRow
from agentdyno.store.trials import TrialStore
from agentdyno.tests.experiments.abtested import asked, design
from agentdyno.tests.experiments.trials import sealed

SEQUENTIAL = {"stopping": {"rule": "sequential"}, "name": "trying", "arms": ["a"]}


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database)
    yield pool
    await pool.close()


def trials(arm: str, passing: bool, repeats: range) -> list[Trial]:
    """Return trials of ten cases of one arm."""
    found = []
    for at in range(10):
        for repeat in repeats:
            made = sealed("r", repeat, passed=passing)
            found.append(made.model_copy(update={
                "id": f"{arm}-{at}-{repeat}", "wire_digest": f"{repeat}",
                "key": made.key.model_copy(update={"case": f"c{at}", "variant": arm}),
            }))
    return found


async def begun(pool: Pool, of: Experiment, plan: Design | None = None) -> ExperimentRow:
    return await version_of(
        ExperimentStore(pool), of, plan or design(of), who="ada", new=False
    )


async def looked(
    pool: Pool, row: ExperimentRow, number: int, rounds: int, arms: dict[str, list[Trial]]
) -> None:
    store = TrialStore(pool)
    matrix = await store.create_matrix("agentdyno experiment run trying", {})
    await store.save(matrix, [(trial, ()) for some in arms.values() for trial in some])
    await ExperimentStore(pool).keep_look(row.id, LookRow(
        look=number, matrix_id=matrix, rounds=rounds, said={"verdicts": []},
        looked_at=datetime.now(UTC),
    ), {arm: [trial.id for trial in some] for arm, some in arms.items()})


async def of_two_looks(pool: Pool) -> tuple[Standing, Standing, Standing]:
    row = await begun(pool, asked(**SEQUENTIAL))
    stages = [await standing(pool, "trying")]
    for number, repeats in ((1, range(1)), (2, range(1, 4))):
        await looked(pool, row, number, repeats.stop, {
            "baseline": trials("baseline", number == 1, repeats), "a": trials("a", True, repeats),
        })
        stages.append(await standing(pool, "trying"))
    planned, first, second = stages
    return planned, first, second


async def test_an_experiment_is_planned_then_runs_then_is_decided(pool: Pool) -> None:
    planned, first, second = await of_two_looks(pool)
    assert (planned.state, planned.rounds) == ("planned", 0)
    assert (first.state, first.rounds) == ("running", 1)
    assert (second.state, second.rounds, len(second.matrices)) == ("decided", 4, 2)
    assert first.active == ("baseline", "a")
    assert second.active == ("baseline",)
    assert second.verdict("a").word == "better"
    assert sentence(second.verdict("a"), "baseline").startswith(
        "a is better than baseline in passed: +0.750 [")
    assert "decided, 4 of at most 20 repeats, 2 looks" in headline(second)
    assert next_step(first) == "agentdyno experiment run trying"
    assert next_step(second) == "agentdyno experiment approve trying a"
    assert second.as_json()["verdicts"][0]["verdict"] == "better"


async def test_a_trial_that_was_run_again_and_spoiled_no_longer_counts(pool: Pool) -> None:
    _, _, second = await of_two_looks(pool)
    store = TrialStore(pool)
    matrix = await store.create_matrix("agentdyno run --fresh", {})
    (one, *_) = trials("a", True, range(1))
    await store.save(matrix, [(one.model_copy(update={"outcome": Outcome.HARNESS_FAULT}), ())])
    again = (await standing(pool, "trying")).verdict("a")
    assert again.coverage.counted == second.verdict("a").coverage.counted - 1


async def test_an_unknown_name_version_or_variant_is_refused(pool: Pool) -> None:
    with pytest.raises(UsageError, match="no experiment 'trying' was started"):
        await standing(pool, "trying")
    await begun(pool, asked(**SEQUENTIAL))
    with pytest.raises(UsageError, match="did you mean 'trying'"):
        await standing(pool, "tryin")
    with pytest.raises(UsageError, match="no version 7 of experiment 'trying'"):
        await standing(pool, "trying", 7)
    with pytest.raises(UsageError, match="no variant 'baseline' beside its baseline; it has a"):
        (await standing(pool, "trying")).verdict("baseline")


async def test_a_definition_that_changed_after_its_start_is_refused_or_is_a_new_version(
    pool: Pool
) -> None:
    store, of = ExperimentStore(pool), asked(**SEQUENTIAL)
    row = await begun(pool, of)
    assert await begun(pool, of) == row
    # Nothing ran yet: what was planned may still be planned otherwise.
    other = of.model_copy(update={"margin": 0.2})
    row = await begun(pool, other)
    assert row.version == 2
    await looked(pool, row, 1, 1, {"baseline": trials("baseline", True, range(1))})
    with pytest.raises(UsageError, match="`margin` changed in its file"):
        await begun(pool, of)
    third = await version_of(store, of, design(of), who="bob", new=True)
    assert (third.version, third.created_by) == (3, "bob")
    assert "give the experiment another `seed`" in seen_before(third)
    assert (await standing(pool, "trying", 2)).rounds == 1
