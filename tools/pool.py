"""Servers by scope: those of a run are started once and shared, those of a trial belong to it."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

from agentdyno.core.spec import ToolServer
from agentdyno.tools.launch import Launch, resolve, scope_of
from agentdyno.tools.upstream import Upstream


class UpstreamPool:
    """Starts servers and knows which of them outlive a trial."""

    def __init__(self) -> None:
        self._shared: dict[Launch, asyncio.Task[Upstream]] = {}

    async def acquire(
        self, servers: Mapping[str, ToolServer], scenario_dir: Path
    ) -> dict[str, Upstream]:
        """Return the running servers by name, started in parallel.

        Raises:
            UsageError: an entry cannot be resolved.
            HarnessFault: a server cannot be started; those started for this call are stopped again.
        """
        launches = {name: resolve(name, entry, scenario_dir) for name, entry in servers.items()}
        starting = {
            name: asyncio.ensure_future(self._get(name, launch, scope_of(servers[name])))
            for name, launch in launches.items()
        }
        try:
            await asyncio.gather(*starting.values())
        except BaseException:
            for task in starting.values():
                task.cancel()
            ended = await asyncio.gather(*starting.values(), return_exceptions=True)
            await self.release(e for e in ended if isinstance(e, Upstream))
            raise
        return {name: task.result() for name, task in starting.items()}

    async def release(self, upstreams: Iterable[Upstream]) -> None:
        """Stop those that belong to a trial; shared ones run on."""
        shared = {
            task.result() for task in self._shared.values()
            if task.done() and not task.cancelled() and task.exception() is None
        }
        await asyncio.gather(*(u.close() for u in upstreams if u not in shared))

    async def close(self) -> None:
        """Stop the shared servers."""
        tasks, self._shared = list(self._shared.values()), {}
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(e.close() for e in ended if isinstance(e, Upstream)))

    async def _get(self, name: str, launch: Launch, scope: str) -> Upstream:
        if scope == "trial":
            return await _started(name, launch)
        task = self._shared.get(launch)
        if task is None:
            task = self._shared[launch] = asyncio.create_task(_started(name, launch))
        try:
            # Shielded: another trial may be waiting for the same server.
            return await asyncio.shield(task)
        except BaseException:
            if task.done() and self._shared.get(launch) is task:
                del self._shared[launch]
            raise


async def _started(name: str, launch: Launch) -> Upstream:
    upstream = Upstream(name, launch)
    await upstream.start()
    return upstream
