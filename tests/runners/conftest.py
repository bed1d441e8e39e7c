"""Pools of real worker processes, closed at the end of each test."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from agentdyno.runners.pool import WorkerPool
from agentdyno.runners.ref import RunnerRef
from agentdyno.tests.runners.fakes.support import fake_ref


@pytest.fixture
async def make_pool(tmp_path: Path) -> AsyncIterator[Callable[..., WorkerPool]]:
    """Return a maker of pools that are closed at the end of the test."""
    pools: list[WorkerPool] = []

    def make(slots: int = 4, ref: RunnerRef | None = None, **options: Any) -> WorkerPool:
        pools.append(WorkerPool(ref or fake_ref(tmp_path), slots, **{"grace_s": 0.3, **options}))
        return pools[-1]

    yield make
    for pool in pools:
        await pool.close()
