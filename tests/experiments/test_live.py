"""What people see of a run from elsewhere, and how they stop it."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from agentdyno.core.errors import UsageError
from agentdyno.core.sink import Delta, ToolStarted
from agentdyno.core.trial import Outcome, Trial
from agentdyno.experiments.live import live
from agentdyno.experiments.matrix import Brake, run_trials
from agentdyno.experiments.session import View
from agentdyno.store.audit import AuditLog
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.live import LiveBoard, LiveMatrix
from agentdyno.store.trials import TrialStore
from agentdyno.tests.experiments.trials import model_call, sealed, tool_call

BEAT_S = 0.02


class Terminal(View):
    """What the run's own terminal is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.noted = asyncio.Event()
        self.seen: list[Any] = []

    def note(self, text: str) -> None:
        self.notes.append(text)
        self.noted.set()

    def watch(self, planned: Any) -> Any:
        return self.seen.append


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database, size=4)
    yield opened
    await opened.close()


def planned(*repeats: int) -> list[Any]:
    return [
        SimpleNamespace(id=f"crewai{n}", runner=SimpleNamespace(label="crewai@1"),
                        key=sealed(repeat=n).key)
        for n in repeats
    ]


async def matrix(pool: Pool) -> str:
    return await TrialStore(pool).create_matrix("agentdyno run s", {})


async def seen(pool: Pool, id: str, wanted: Callable[[LiveMatrix], bool]) -> LiveMatrix:
    """Return what the board shows of a run, once it is as wanted."""
    async with asyncio.timeout(10):
        while True:
            for one in await LiveBoard(pool).list(id):
                if wanted(one):
                    return one
            await asyncio.sleep(BEAT_S / 4)


async def age(pool: Pool, seconds: float) -> None:
    """Have every harness fall silent so many seconds ago."""
    async with pool.connection() as link:
        await link.execute("UPDATE live_matrix SET seen_at = seen_at - make_interval(secs => %s)",
                           [seconds])


async def test_a_run_shows_its_progress_and_what_its_agents_say(pool: Pool):
    id, terminal = await matrix(pool), Terminal()
    async with live(pool, id, terminal, Brake(), beat_s=BEAT_S) as shown:
        first, second = planned(0, 1)
        shown.planned([first, second], 3)
        shown.started(first)
        watch = shown.watch(first)
        for piece in ("Hel\0", "lo ", "x" * 5_000, " end"):
            watch(Delta(agent="solo", text=piece))
        one = await seen(pool, id, lambda one: one.running and one.running[0]["text"] != "")
        assert (one.state, one.command, one.pid) == ("running", "agentdyno run s", os.getpid())
        assert (one.total("planned"), one.total("done"), one.total("reused")) == (2, 0, 3)
        [trial] = one.running
        assert (trial["trial"], trial["agent"], trial["doing"]) == ("crewai0", "solo", "answering")
        assert trial["text"].endswith("x end")
        assert len(trial["text"]) <= 600
        assert terminal.seen[0] == Delta(agent="solo", text="Hel\0")
        watch(model_call(5))
        watch(ToolStarted(agent="solo", server="desk", tool="find", arguments={}))
        one = await seen(pool, id, lambda one: one.running[0]["doing"] == "calling desk.find")
        watch(tool_call())
        shown.ended(sealed(repeat=0))
        shown.ended(sealed(repeat=1, passed=False, outcome=Outcome.HARNESS_FAULT))
        one = await seen(pool, id, lambda one: one.total("done") == 2)
        assert (one.total("passed"), one.total("faults"), one.running) == (1, 1, [])
    assert await LiveBoard(pool).list(id) == []


async def cancelled(pool: Pool, times: int, brake: Brake) -> tuple[list[str], Terminal, str]:
    """Run three trials one by one, of which the first ends when it may; cancel it meanwhile."""
    id, terminal, gate = await matrix(pool), Terminal(), asyncio.Event()
    begun: asyncio.Queue[str] = asyncio.Queue()

    async def execute(trial: Any, host: Any) -> tuple[Trial, tuple[()]]:
        begun.put_nowait(trial.id)
        await gate.wait()
        return sealed(repeat=trial.key.repeat), ()

    async def keep(trial: Trial, wire: Any) -> None:
        pass

    async with live(pool, id, terminal, brake, beat_s=BEAT_S) as shown:
        todo = planned(0, 1, 2)
        shown.planned(todo, 0)
        running = asyncio.create_task(run_trials(
            todo, execute, {"crewai@1": None}, keep, concurrency=1, brake=brake, watcher=shown,
        ))
        await begun.get()
        await seen(pool, id, lambda one: len(one.running) == 1)
        for _ in range(times):
            await LiveBoard(pool).cancel(id[:8], by="Ada", reason="too dear")
        async with asyncio.timeout(10):
            await terminal.noted.wait()
            if times == 1:
                gate.set()
            return await running, terminal, id


async def test_cancelled_once_a_run_finishes_what_runs(pool: Pool):
    done, terminal, id = await cancelled(pool, 1, Brake())
    assert done == ["crewai0"]
    assert terminal.notes == [
        "cancelled by Ada: finishing the running trials; cancelling again stops at once"
    ]
    [row] = await AuditLog(pool).list(target=id)
    assert (row.who, row.action) == ("Ada", "matrix.cancel")
    assert row.detail == {"reason": "too dear", "times": 1}


async def test_cancelled_twice_a_run_drops_what_runs(pool: Pool):
    done, terminal, _ = await cancelled(pool, 2, Brake())
    assert done == []
    assert "stopping at once" in terminal.notes[-1]


async def test_one_word_from_elsewhere_after_ctrl_c_drops_nothing(pool: Pool):
    id, brake = await matrix(pool), Brake()
    brake.press()
    task = asyncio.create_task(asyncio.Event().wait(), name="a trial")
    brake.tasks.add(task)  # type: ignore[arg-type]
    terminal = Terminal()
    async with live(pool, id, terminal, brake, beat_s=BEAT_S):
        await seen(pool, id, lambda one: True)
        await LiveBoard(pool).cancel(id, by="Ada")
        async with asyncio.timeout(10):
            await terminal.noted.wait()
        assert not task.cancelling()
    task.cancel()


async def test_a_run_whose_harness_was_killed_is_lost_after_half_a_minute(pool: Pool):
    id, board = await matrix(pool), LiveBoard(pool)
    await board.beat(id, host="h", pid=1, stage="running", progress={}, running=[])
    await age(pool, 29)
    assert [one.state for one in await board.list()] == ["running"]
    await age(pool, 2)
    assert [one.state for one in await board.list()] == ["lost"]
    assert (await board.cancel(id, by="Ada")).state == "lost"
    assert await board.list() == []
    assert [row.action for row in await AuditLog(pool).list()] == ["matrix.give_up"]
    async with pool.connection() as link:
        rows = await link.execute("SELECT status FROM matrix WHERE id = %s", [id])
        assert await rows.fetchone() == ("interrupted",)


async def test_what_does_not_run_cannot_be_cancelled(pool: Pool):
    board = LiveBoard(pool)
    with pytest.raises(UsageError, match="no run 'abc' is under way"):
        await board.cancel("abc", by="Ada")
    for _ in range(2):
        await board.beat(await matrix(pool), host="h", pid=1, stage="", progress={}, running=[])
    with pytest.raises(UsageError, match="more than one run begins with ''"):
        await board.cancel("", by="Ada")
    [one, _] = await board.list()
    with pytest.raises(UsageError, match="needs the name"):
        await board.cancel(one.matrix_id, by="")
    assert (await board.list(one.matrix_id))[0].cancels == 0


class Heard(logging.Handler):
    """Hears what the harness logs."""

    def __init__(self) -> None:
        super().__init__()
        self.line = asyncio.get_running_loop().create_future()

    def emit(self, record: logging.LogRecord) -> None:
        self.line.set_result(record.getMessage())


async def test_a_database_that_is_away_costs_the_run_nothing(pool: Pool, database: str):
    id, heard = await matrix(pool), Heard()
    logging.getLogger("agentdyno.experiments.live").addHandler(heard)
    gone = await open_pool(database, size=1)
    await gone.close()
    terminal = Terminal()
    async with live(gone, id, terminal, Brake(), beat_s=BEAT_S) as shown:
        shown.planned(planned(0), 0)
        async with asyncio.timeout(10):
            assert "nobody sees this run" in await heard.line
        shown.ended(sealed(repeat=0))
    logging.getLogger("agentdyno.experiments.live").removeHandler(heard)
    assert terminal.notes == []
