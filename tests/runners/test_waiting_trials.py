"""A trial whose call waits for a person is not out of time, in any host."""

import asyncio
import os
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from agentdyno.core.waiting import WaitingClock
from agentdyno.runners.inprocess import InProcessHost
from agentdyno.tests.runners.fakes.support import fake_ref, order

PATH = "agentdyno.tests.runners.fakes.fake_engine:FakeRunner"


@pytest.fixture(params=["worker", "inprocess"])
def host(
    request: pytest.FixtureRequest, tmp_path: Path, make_pool: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    if request.param == "worker":
        return make_pool()
    monkeypatch.setattr(os, "environ", os.environ.copy())
    version = metadata.version("pydantic")
    return InProcessHost(fake_ref(tmp_path, path=PATH, version=version), 4, grace_s=0.1)


async def test_the_time_limit_stands_still_while_a_call_waits(host: Any, tmp_path: Path):
    clock, begun, gate = WaitingClock(), asyncio.Event(), tmp_path / "gate"
    with clock.waiting():
        trial = asyncio.create_task(host.run(
            order("t", f"wait {gate}", timeout_s=0.2), lambda event: begun.set(), clock=clock
        ))
        await asyncio.wait_for(begun.wait(), 30)
        await asyncio.wait([trial], timeout=0.4)
        assert not trial.done()
        gate.touch()
        report = await trial
    assert report.ended == "returned"


async def test_the_time_limit_goes_on_when_the_call_is_decided(host: Any, tmp_path: Path):
    clock, begun = WaitingClock(), asyncio.Event()
    with clock.waiting():
        trial = asyncio.create_task(host.run(
            order("t", f"wait {tmp_path / 'never'}", timeout_s=0.05), lambda event: begun.set(),
            clock=clock,
        ))
        await asyncio.wait_for(begun.wait(), 30)
    assert (await trial).ended == "timeout"
