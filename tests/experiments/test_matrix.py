"""How a matrix is driven: lanes, keeping, and the two ways to stop."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from agentdyno.core.trial import Outcome, Trial
from agentdyno.experiments.matrix import Brake, Watcher, run_trials
from agentdyno.tests.experiments.trials import sealed


@dataclass(eq=False)
class Driver:
    """Stands in for the executor: each trial ends when it is told to."""

    gates: dict[int, asyncio.Event] = field(default_factory=dict)
    begun: list[int] = field(default_factory=list)
    waiting: "asyncio.Queue[int]" = field(default_factory=asyncio.Queue)
    kept: list[int] = field(default_factory=list)
    outcome: Outcome = Outcome.COMPLETED

    async def run(self, planned: Any, host: Any) -> tuple[Trial, tuple[()]]:
        self.begun.append(planned.number)
        if gate := self.gates.get(planned.number):
            self.waiting.put_nowait(planned.number)
            await gate.wait()
        return sealed(repeat=planned.number, outcome=self.outcome), ()

    async def keep(self, trial: Trial, wire: Any) -> None:
        self.kept.append(trial.key.repeat)


def planned(count: int) -> list[Any]:
    runner = SimpleNamespace(label="crewai@1")
    return [SimpleNamespace(number=number, runner=runner) for number in range(count)]


async def drive(driver: Driver, count: int, brake: Brake, watcher: Watcher | None = None,
                concurrency: int = 2) -> list[str]:
    return await run_trials(
        planned(count), driver.run, {"crewai@1": None}, driver.keep, concurrency=concurrency,
        brake=brake, watcher=watcher or Watcher(),
    )


async def test_every_trial_is_kept_before_it_counts() -> None:
    driver = Driver()
    ids = await drive(driver, 5, Brake())
    assert sorted(driver.kept) == list(range(5))
    assert sorted(ids) == [f"crewai{number}" for number in range(5)]


async def test_one_press_finishes_what_runs_and_starts_nothing_new() -> None:
    driver, brake = Driver(gates={0: asyncio.Event(), 1: asyncio.Event()}), Brake()
    running = asyncio.create_task(drive(driver, 6, brake))
    for _ in driver.gates:
        await driver.waiting.get()
    brake.press()
    for gate in driver.gates.values():
        gate.set()
    assert len(await running) == 2
    assert sorted(driver.kept) == [0, 1]


async def test_two_presses_drop_what_runs_and_keep_what_was_kept() -> None:
    driver, brake = Driver(gates={1: asyncio.Event()}), Brake()
    running = asyncio.create_task(drive(driver, 6, brake, concurrency=1))
    assert await driver.waiting.get() == 1
    brake.press()
    brake.press()
    assert await running == ["crewai0"]
    assert driver.kept == [0]


async def test_a_cancelled_trial_is_not_kept_so_the_next_run_finds_it_missing() -> None:
    driver = Driver(outcome=Outcome.CANCELLED)
    assert await drive(driver, 3, Brake()) == []
    assert driver.kept == []


async def test_a_result_that_cannot_be_kept_ends_the_run_with_its_error() -> None:
    driver = Driver()

    async def keep(trial: Trial, wire: Any) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await run_trials(
            planned(3), driver.run, {"crewai@1": None}, keep, concurrency=1,
            brake=Brake(), watcher=Watcher(),
        )
