"""A harness for test_ledger.py: makes a whole live call, begins a second one, and says so.

The provider is a coroutine; gateway, guard, budgets and ledger are the real ones.
"""

import asyncio
import sys
from collections.abc import AsyncIterator

import httpx2

from agentdyno.core.settings import Budget
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec
from agentdyno.models.budget import Budgets
from agentdyno.models.gateway import ModelGateway
from agentdyno.models.upstream import ModelRequest, Passage
from agentdyno.store.database import open_pool
from agentdyno.store.ledger import SpendLedger

_ANSWER = (
    b'{"id":"1","object":"chat.completion","created":1,"model":"gpt-4o-mini-2024-07-18",'
    b'"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hi"}}],'
    b'"usage":{"prompt_tokens":900,"completion_tokens":100,"total_tokens":1000}}'
)


class Provider:
    """Answers once, and never again."""

    def __init__(self) -> None:
        self.asked = 0

    async def answer(self, request: ModelRequest) -> Passage:
        """Pass on an answer, or wait for ever."""
        self.asked += 1
        if self.asked > 1:
            print("in mid-call", flush=True)
            await asyncio.Event().wait()
        return Passage(chunks=_once(), provider="openai", model="gpt-4o-mini")


async def _once() -> AsyncIterator[bytes]:
    yield _ANSWER


async def main(database: str) -> None:
    """Make the calls."""
    pool = await open_pool(database)
    ledger = SpendLedger(pool, "killed")
    budgets = Budgets(Budget(cost_usd=1.0), Budget(cost_usd=1.0), ledger, None)
    guard = budgets.guard(Budget(), lambda _: [("openai", "gpt-4o-mini")])
    gateway = ModelGateway()
    sink = Sink(trial_id="trial1", token="secret")
    agent = AgentSpec(name="analyst", role="r", goal="g", instructions="i")
    gateway.open(sink, [agent], Provider(), guard=guard)
    body = {"model": "default", "max_tokens": 500,
            "messages": [{"role": "user", "content": "hello"}]}
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(gateway), base_url="http://gateway",
        headers={"Authorization": "Bearer secret"}, timeout=None,
    ) as http:
        for _ in range(2):
            (await http.post("/t/trial1/analyst/v1/chat/completions", json=body)).raise_for_status()


asyncio.run(main(sys.argv[1]))
