"""The clock of waiting: it counts what waits, and a limit does not."""

import asyncio

import pytest

from agentdyno.core.sink import Sink
from agentdyno.core.waiting import WaitingClock


class Time:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_waits_side_by_side_count_once_and_one_after_the_other_add_up():
    time = Time()
    clock = WaitingClock(time)
    with clock.waiting():
        time.now = 2.0
        with clock.waiting():
            time.now = 3.0
        time.now = 5.0
    time.now = 100.0
    assert clock.seconds == 5.0
    with clock.waiting():
        time.now = 101.0
        assert clock.seconds == 6.0


async def test_a_limit_passes_when_nothing_waits():
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    assert not await WaitingClock().done(future, 0.01)
    assert not future.done()


async def test_a_limit_stands_still_while_something_waits():
    clock = WaitingClock()
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    with clock.waiting():
        waiting = asyncio.create_task(clock.done(future, 0.01))
        # Three times the limit: this would end it if the clock did not stand.
        await asyncio.wait([waiting], timeout=0.03)
        assert not waiting.done()
        future.set_result("done")
        assert await waiting


async def test_a_limit_goes_on_where_it_stood_when_the_wait_is_over():
    clock = WaitingClock()
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    with clock.waiting():
        waiting = asyncio.create_task(clock.done(future, 0.01))
        await asyncio.wait([waiting], timeout=0.02)
    assert not await waiting


async def test_what_a_future_raises_stays_in_it():
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    future.set_exception(ValueError("broken"))
    assert await WaitingClock().done(future, 1.0)
    assert isinstance(future.exception(), ValueError)


def test_a_trials_work_is_its_time_without_the_waiting():
    time = Time()
    sink = Sink(trial_id="t", token="x", clock=WaitingClock(time))
    with sink.waiting():
        time.now = 60.0
    assert sink.waited_s == 60.0
    assert sink.now() - sink.worked_s() == pytest.approx(60.0, abs=0.5)
