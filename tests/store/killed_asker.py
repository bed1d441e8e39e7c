"""A run for test_approvals.py: asks one question, says its number, and waits to be killed."""

import asyncio
import sys

from agentdyno.core.approval import ApprovalRequest
from agentdyno.store.approvalqueue import ApprovalQueue
from agentdyno.store.database import open_pool


async def main() -> None:
    queue = ApprovalQueue(
        await open_pool(sys.argv[1]), asked=lambda number, _: print(number, flush=True)
    )
    await queue.decide(ApprovalRequest(
        trial_id="t1", scenario="s", agent="a", ordinal=0, server="ops", tool="restart",
        description="", arguments={}, risk="high", timeout_s=600.0,
    ))


asyncio.run(main())
