"""One JavaScript process per test file."""

from collections.abc import AsyncIterator

import pytest_asyncio

from agentdyno.runners.openflow.javascript import JavascriptEvaluator


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def js() -> AsyncIterator[JavascriptEvaluator]:
    """Return the evaluator that the adapter uses."""
    evaluator = JavascriptEvaluator()
    yield evaluator
    await evaluator.close()
