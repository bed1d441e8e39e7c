"""Makes runner environments for several commands, with one look."""

import asyncio
from collections.abc import Sequence

from agentdyno.cli.bars import Bars
from agentdyno.cli.context import load_settings, stderr_console
from agentdyno.cli.database import run_async
from agentdyno.core.errors import EnvironmentFault
from agentdyno.runners import envs
from agentdyno.runners.registry import list_runners


def ensure_all(specs: Sequence[str] = ()) -> None:
    """Make the environments of `specs`, or of every runner, in parallel.

    Raises:
        UsageError: no such runner.
        EnvironmentFault: some cannot be made; every reason is given, the others are there.
    """
    names = tuple(specs) or tuple(row.name for row in list_runners())
    cache = load_settings().cache
    with Bars(stderr_console()) as bars:

        async def one(spec: str) -> EnvironmentFault | None:
            try:
                ref = await envs.resolve(spec, cache)
                await envs.ensure(
                    ref, lambda stage, done, total: bars.stage(ref.label, stage, done, total)
                )
            except EnvironmentFault as fault:
                return fault
            return None

        async def every() -> list[EnvironmentFault | None]:
            return await asyncio.gather(*(one(name) for name in names))

        faults = [fault for fault in run_async(every()) if fault]
    if faults:
        raise EnvironmentFault("\n".join(f.message for f in faults), faults[0].hint)
