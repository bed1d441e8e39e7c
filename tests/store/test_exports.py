"""The queue of exports."""

from agentdyno.store.database import open_pool
from agentdyno.store.executions import Executions
from agentdyno.store.exports import ExportQueue
from agentdyno.store.trials import TrialStore


async def test_what_failed_comes_again_when_its_wait_is_over_and_at_once_when_asked_for(
    database, make_trial
):
    pool = await open_pool(database)
    store, queue = TrialStore(pool), ExportQueue(pool)
    matrix = await store.create_matrix("run", {})
    await queue.add(matrix, ["mlflow", "otlp"], ["a"])
    row = await queue.due("mlflow")
    assert row is not None
    await queue.begin(row)
    await queue.postpone(row, "it is away", 3600.0)
    assert await queue.due("mlflow") is None
    [seen] = [one for one in await queue.list() if one.target == "mlflow"]
    assert (seen.state, seen.attempts, seen.error) == ("waiting", 1, "it is away")
    assert await queue.hurry("mlflow") == 1
    row = await queue.due("mlflow")
    assert row is not None
    await queue.done(row, 7)
    assert await queue.due("mlflow") is None
    other = await queue.due("otlp")
    assert other is not None
    assert other.state == "waiting"
    await pool.close()


async def test_what_is_refused_waits_until_somebody_asks_again(database, make_trial):
    pool = await open_pool(database)
    store, queue = TrialStore(pool), ExportQueue(pool)
    matrix = await store.create_matrix("run", {})
    await store.finish_matrix(matrix, "finished")
    await queue.add(matrix, ["mlflow"], [])
    row = await queue.due("mlflow")
    assert row is not None
    await queue.refuse(row, "a newer MLflow made it")
    assert await queue.due("mlflow") is None
    assert await queue.again("mlflow", [matrix]) == 1
    assert await queue.due("mlflow") is not None
    await pool.close()


async def test_a_run_that_is_not_over_is_not_asked_for(database):
    pool = await open_pool(database)
    store, queue = TrialStore(pool), ExportQueue(pool)
    running = await store.create_matrix("run", {})
    assert await queue.again("mlflow", [running]) == 0
    await store.finish_matrix(running, "interrupted")
    assert await queue.again("mlflow", None) == 1
    await pool.close()


async def test_one_process_at_a_time_exports_to_a_target_and_another_to_another(database):
    one, two = await open_pool(database), await open_pool(database)
    async with ExportQueue(one).alone("mlflow") as held:
        assert held
        async with ExportQueue(two).alone("mlflow") as also:
            assert not also
        async with ExportQueue(two).alone("otlp") as other:
            assert other
    async with ExportQueue(two).alone("mlflow") as later:
        assert later
    await one.close()
    await two.close()


async def test_what_a_killed_exporter_left_running_is_taken_up_again(database):
    pool = await open_pool(database)
    queue = ExportQueue(pool)
    matrix = await TrialStore(pool).create_matrix("run", {})
    await queue.add(matrix, ["mlflow"], [])
    row = await queue.due("mlflow")
    assert row is not None
    await queue.begin(row)
    again = await queue.due("mlflow")
    assert again is not None
    assert (again.matrix_id, again.state) == (matrix, "running")
    await pool.close()


async def test_a_run_is_made_of_its_own_executions_and_of_those_that_it_took(
    database, make_trial, wire
):
    pool = await open_pool(database)
    store, executions = TrialStore(pool), Executions(pool)
    first, second, third = [await store.create_matrix("run", {}) for _ in range(3)]
    await store.save(first, [(make_trial(0), wire), (make_trial(1), ())])
    await store.save(second, [(make_trial(2), ())])
    await store.save(third, [(make_trial(0, answers=("Sell.",)), ())])
    ids = [make_trial(n).id for n in range(3)]
    await ExportQueue(pool).add(second, ["mlflow"], ids)
    own = await executions.of(first)
    assert {(one.trial_id, one.attempt) for one in own} == {(ids[0], 1), (ids[1], 1)}
    assert [trial.answers for trial in await executions.load(own)] == [("Hold.",), ("Hold.",)]
    wires = {one.trial_id: raw for one, raw in
             zip(own, await executions.wires(own), strict=True)}
    assert wires == {ids[0]: wire, ids[1]: ()}
    whole = await executions.of(second)
    assert {(one.trial_id, one.attempt) for one in whole} == {
        (ids[0], 2), (ids[1], 1), (ids[2], 1)}
    await pool.close()
