"""CPU time of trials that share a process."""

import time

import pytest

from agentdyno.runners.meter import CpuMeter


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The process's CPU clock, as the only item of a list."""
    now = [0.0]
    monkeypatch.setattr(time, "process_time", lambda: now[0])
    return now


def test_shares_sum_to_what_the_process_used_while_anything_ran(clock: list[float]) -> None:
    meter = CpuMeter()
    meter.start("a")
    clock[0] = 4.0
    meter.start("b")
    clock[0] = 10.0
    assert meter.stop("a")["cpu_s"] == 7.0
    clock[0] = 11.0
    assert meter.stop("b")["cpu_s"] == 4.0


def test_trials_that_began_before_any_had_ended_are_cold(clock: list[float]) -> None:
    meter = CpuMeter()
    meter.start("a")
    meter.start("b")
    assert meter.stop("a")["cold"]
    meter.start("c")
    assert meter.stop("b")["cold"]
    assert not meter.stop("c")["cold"]
