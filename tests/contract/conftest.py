"""One worker process per runner for the whole session, between two real gateways."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from agentdyno.cli.context import load_settings
from agentdyno.experiments.bench import Bench, open_bench
from agentdyno.models.gateway import ModelGateway
from agentdyno.models.script import Script, load_script
from agentdyno.runners.envs import ensure, resolve
from agentdyno.runners.pool import WorkerPool
from agentdyno.runners.registry import RUNNERS
from agentdyno.tests.contract.lab import HERE, ORDER, Lab
from agentdyno.tests.contract.requirements import exclusion
from agentdyno.tools.gateway import ToolGateway

SLOTS = 8


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker that ties a test to the manifest."""
    config.addinivalue_line("markers", "requirement(id): what this test holds every runner to")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test that takes `runner` on every runner of the registry."""
    if "runner" not in metafunc.fixturenames:
        return
    cited = [mark.args[0] for mark in metafunc.definition.iter_markers("requirement")]
    cells = []
    for name in RUNNERS:
        excluded = next(filter(None, (exclusion(name, id) for id in cited)), None)
        marks = [pytest.mark.xfail(strict=True, reason=excluded.reason)] if excluded else []
        cells.append(pytest.param(name, marks=marks, id=name))
    metafunc.parametrize("runner", cells, scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have all tests of this folder share the event loop that the workers live on."""
    for item in items:
        if item.get_closest_marker("requirement") and "lab" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bench() -> AsyncIterator[Bench]:
    """Both gateways on a loopback port."""
    async with open_bench(ModelGateway(), ToolGateway({})) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pools() -> AsyncIterator[Callable[[str], Any]]:
    """Return a maker of pools that keeps each runner's one until the end of the session."""
    made: dict[str, WorkerPool] = {}

    async def pool(name: str) -> WorkerPool:
        if name not in made:
            ref = await resolve(name, load_settings().cache)
            await ensure(ref)
            made[name] = WorkerPool(ref, SLOTS)
        return made[name]

    yield pool
    for each in made.values():
        await each.close()


@pytest.fixture(scope="session")
def script() -> Script:
    """The suite's script."""
    agents = ("solo", "scout", "judge", "scribe")
    return load_script(HERE / "script.yaml", agents, {"order": ORDER})


@pytest_asyncio.fixture(loop_scope="session")
async def lab(runner: str, bench: Bench, pools: Callable[[str], Any], script: Script) -> Lab:
    """Return the lab of one runner."""
    return Lab(bench=bench, pool=await pools(runner), script=script)
