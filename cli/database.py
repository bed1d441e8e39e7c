"""Opens the database that the settings name, and runs what uses it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from agentdyno.store.opening import address, open_database

__all__ = ["address", "open_database", "run_async"]

Result = TypeVar("Result")


def run_async(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a command's coroutine on the fast event loop."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)
