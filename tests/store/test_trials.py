"""The store of sealed trials, through its public face."""

import asyncio
from collections.abc import Callable

import psycopg
import pytest

from agentdyno.core.errors import HarnessFault, UsageError
from agentdyno.core.event import Step, ToolCall, WireRecord
from agentdyno.core.trial import Outcome, Trial
from agentdyno.store.database import open_pool
from agentdyno.store.trials import TrialStore

Make = Callable[..., Trial]


async def test_a_stored_trial_comes_back_equal(
    store: TrialStore, make_trial: Make, wire: tuple[WireRecord, ...]
) -> None:
    trial = make_trial()
    run = await store.create_matrix("agentdyno run x", {"seed": 1})
    assert await store.save(run, [(trial, wire)]) == 1
    assert await store.get(trial.id) == trial
    assert await store.wire(trial.id) == wire
    await store.finish_matrix(run, "finished")


async def test_arguments_keep_their_order_and_every_character(
    store: TrialStore, make_trial: Make, database: str
) -> None:
    arguments = {"z": 1.0, "a": {"n": None, "b": [True, 10**30]}, "text": "NUL \0, half \ud800, é"}
    call = ToolCall(
        agent="a", started_s=0, ended_s=0, ordinal=0, server="s", tool="t", arguments=arguments,
        is_error=True, result_text="\0",
    )
    trial = make_trial(events=(call,), reason="it said \0", answers=("\0",))
    run = await store.create_matrix("run", {})
    await store.save(run, [(trial, ())])
    stored = await store.get(trial.id)
    assert stored == trial
    assert isinstance(stored.events[0], ToolCall)
    assert list(stored.events[0].arguments) == ["z", "a", "text"]
    with psycopg.connect(database) as link:
        row = link.execute("SELECT data->'arguments'->>'text', agent, seq FROM event").fetchone()
    assert row == ("NUL \ufffd, half \ufffd, é", "a", 0)


async def test_a_row_counts_what_the_instruments_saw(store: TrialStore, make_trial: Make) -> None:
    run = await store.create_matrix("run", {})
    await store.save(run, [(make_trial(), ())])
    [row] = await store.list()
    assert (row.model_calls, row.prompt_tokens, row.prompt_tool_tokens) == (2, 1800, 800)
    assert (row.completion_tokens, row.tool_calls, row.tool_errors) == (60, 2, 0)
    assert (row.passed, row.failed, row.undecided, row.cpu_s) == (1, 1, 0, 0.02)
    assert row.started_at.isoformat() == "2026-11-21T10:00:00+00:00"


async def test_one_run_stores_a_trial_once(store: TrialStore, make_trial: Make) -> None:
    run = await store.create_matrix("run", {})
    assert await store.save(run, [(make_trial(), ()), (make_trial(), ())]) == 1
    late = make_trial(outcome=Outcome.AGENT_FAULT, reason="late duplicate")
    assert await store.save(run, [(late, ())]) == 0
    assert (await store.get(late.id)).outcome is Outcome.COMPLETED


async def test_a_later_run_supersedes_and_the_newest_attempt_wins(
    store: TrialStore, make_trial: Make
) -> None:
    for outcome in (Outcome.COMPLETED, Outcome.LIMIT):
        run = await store.create_matrix("run --fresh", {})
        await store.save(run, [(make_trial(outcome=outcome), ())])
    [row] = await store.list()
    assert (row.attempt, row.outcome) == (2, "limit")
    assert (await store.get(row.id)).outcome is Outcome.LIMIT


async def test_two_runs_that_store_the_same_trials_at_once_both_succeed(
    store: TrialStore, make_trial: Make
) -> None:
    runs = [await store.create_matrix("run", {}) for _ in range(4)]
    trials = [(make_trial(n), ()) for n in range(10)]
    counts = await asyncio.gather(*(store.save(run, trials) for run in runs))
    assert counts == [10] * 4
    rows = await store.list()
    assert [row.attempt for row in rows] == [4] * 10


async def test_an_id_cannot_stand_for_two_keys(store: TrialStore, make_trial: Make) -> None:
    run = await store.create_matrix("run", {})
    trial = make_trial()
    await store.save(run, [(trial, ())])
    other = make_trial(1, id=trial.id)
    with pytest.raises(HarnessFault, match="another key"):
        await store.save(run, [(other, ())])


async def test_resuming_is_a_set_difference(store: TrialStore, make_trial: Make) -> None:
    done, broken, missing = make_trial(0), make_trial(1, outcome=Outcome.HARNESS_FAULT), "absent"
    run = await store.create_matrix("run", {})
    await store.save(run, [(done, ()), (broken, ())])
    ids = {done.id, broken.id, missing}
    assert await store.stored(ids) == {done.id, broken.id}
    assert await store.stored(ids, without={Outcome.HARNESS_FAULT}) == {done.id}


async def test_lists_are_filtered_and_loads_keep_the_order_asked_for(
    store: TrialStore, make_trial: Make
) -> None:
    first = make_trial(0)
    second = make_trial(1, key={"runner": "crewai"}, outcome=Outcome.LIMIT)
    run = await store.create_matrix("run", {})
    await store.save(run, [(first, ()), (second, ())])
    assert [row.id for row in await store.list(runner="crewai")] == [second.id]
    assert [row.id for row in await store.list(outcome=Outcome.COMPLETED)] == [first.id]
    assert await store.list(scenario="other") == []
    assert len(await store.list(matrix_id=run, limit=1)) == 1
    assert await store.load([second.id, "absent", first.id]) == [second, first]


async def test_a_prefix_names_a_trial_and_a_wrong_one_names_the_nearest(
    store: TrialStore, make_trial: Make
) -> None:
    with pytest.raises(UsageError, match="No trial is stored"):
        await store.get("ab")
    run = await store.create_matrix("run", {})
    trials = [make_trial(n, id=name) for n, name in enumerate(("abc1", "abc2", "xyz9"))]
    await store.save(run, [(trial, ()) for trial in trials])
    assert (await store.get("x")).id == "xyz9"
    with pytest.raises(UsageError, match=r"More than one trial starts with 'abc'; nearest: abc1"):
        await store.get("abc")
    with pytest.raises(UsageError, match=r"No trial 'xyz8'; nearest: .*xyz9"):
        await store.get("xyz8")


async def test_an_unknown_run_is_refused(store: TrialStore, make_trial: Make) -> None:
    with pytest.raises(HarnessFault, match="no run nobody"):
        await store.save("nobody", [(make_trial(), ())])


async def test_a_trial_without_exchanges_has_an_empty_wire(
    store: TrialStore, make_trial: Make
) -> None:
    run = await store.create_matrix("run", {})
    step = Step(agent="a", started_s=0, ended_s=1, name="plan")
    trial = make_trial(events=(step,), verdicts=())
    await store.save(run, [(trial, ())])
    assert await store.wire(trial.id) == ()
    assert (await store.get(trial.id)).events == (step,)


async def test_an_unreachable_database_is_told_without_its_password() -> None:
    with pytest.raises(HarnessFault, match=r"x at 127\.0\.0\.1") as caught:
        await open_pool("postgresql://u:hunter2@127.0.0.1:1/x")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(HarnessFault, match="not a libpq URL") as caught:
        await open_pool("postgresql:/u:hunter2@x y")
    assert "hunter2" not in str(caught.value)
