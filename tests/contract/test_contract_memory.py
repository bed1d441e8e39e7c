"""A memory canary: what one trial remembers is never readable in another, on any runner."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from agentdyno.core.spec import MemoryItem
from agentdyno.experiments.bench import Bench, open_bench
from agentdyno.memory.server import MemoryServer
from agentdyno.models.gateway import ModelGateway
from agentdyno.models.script import Script
from agentdyno.store.database import open_pool
from agentdyno.tests.contract.lab import Lab, agent
from agentdyno.tools.gateway import ToolGateway


@pytest_asyncio.fixture(loop_scope="session")
async def memory(database: str) -> AsyncIterator[MemoryServer]:
    """The memory server on a real Postgres."""
    pool = await open_pool(database)
    yield MemoryServer(pool)
    await pool.close()


@pytest_asyncio.fixture(loop_scope="session")
async def remembering(memory: MemoryServer) -> AsyncIterator[Bench]:
    """Both gateways, with memory behind the tools."""
    async with open_bench(ModelGateway(), ToolGateway({"memory": memory})) as opened:
        yield opened


@pytest.mark.requirement("runner:memory:no-leak")
async def test_eight_trials_find_their_own_secret_and_no_other(
    lab: Lab, remembering: Bench, memory: MemoryServer, script: Script
):
    secrets = [f"canary{number}x" for number in range(8)]
    with_memory = Lab(bench=remembering, pool=lab.pool, script=script)
    solo = agent("solo", tools=(), memory="read_write")

    async def trial(secret: str) -> str:
        async def seed(trial_id: str) -> None:
            await memory.seed(trial_id, (MemoryItem(text=f"the password is {secret}"),))

        run = await with_memory.run("SECRET", "SECRET again", agents=[solo], seed=seed)
        return "\n".join((*run.texts, *(wire.response for wire in run.sink.wire)))

    seen = await asyncio.gather(*(trial(secret) for secret in secrets))
    for secret, text in zip(secrets, seen, strict=True):
        assert secret in text
        assert not [other for other in secrets if other != secret and other in text]
