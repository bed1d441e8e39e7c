"""Makes runner environments for several commands, with one look."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from agentdyno.cli.bars import Bars
from agentdyno.cli.context import load_settings, stderr_console
from agentdyno.cli.database import run_async
from agentdyno.core.errors import EnvironmentFault
from agentdyno.experiments.companion import LOCK, ensure_companion
from agentdyno.runners import envs
from agentdyno.runners.registry import list_runners
from agentdyno.tools.locked import LOCKS

UI = "ui"
"""Name of the environment that MLflow and the dashboard have."""


def installed(cache: Path) -> tuple[envs.Listed, ...]:
    """Return the environments of runners, of locked tool servers, and of MLflow and dashboard."""
    return envs.list_environments(cache, (*LOCKS.glob("*.txt"), LOCK))


def ensure_all(specs: Sequence[str] = ()) -> None:
    """Make the environments of `specs`, or of every runner, in parallel.

    Raises:
        UsageError: no such runner; `ui` is one here, and not among the default.
        EnvironmentFault: some cannot be made; every reason is given, the others are there.
    """
    names = tuple(specs) or tuple(row.name for row in list_runners())
    cache = load_settings().cache
    with Bars(stderr_console()) as bars:

        async def one(spec: str) -> EnvironmentFault | None:
            def progress(stage: str, done: int, total: int) -> None:
                bars.stage(spec, stage, done, total)

            try:
                if spec == UI:
                    await ensure_companion(cache, progress)
                else:
                    await envs.ensure(await envs.resolve(spec, cache), progress)
            except EnvironmentFault as fault:
                return fault
            return None

        async def every() -> list[EnvironmentFault | None]:
            return await asyncio.gather(*(one(name) for name in names))

        faults = [fault for fault in run_async(every()) if fault]
    if faults:
        raise EnvironmentFault("\n".join(f.message for f in faults), faults[0].hint)
