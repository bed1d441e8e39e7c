"""A bench with one endless trial of `scenarios/one_tool`: prints `PORT TOKEN`, ends with stdin."""

import asyncio
import sys

import uvloop
from process_tree import HERE

from agentdyno.core.event import Event
from agentdyno.core.sink import Sink
from agentdyno.core.spec import Limits
from agentdyno.experiments.bench import open_bench
from agentdyno.experiments.request import load_scripted
from agentdyno.models.gateway import ModelGateway
from agentdyno.models.scripted import ScriptedUpstream
from agentdyno.tools.gateway import ToolGateway

LIMITS = Limits(timeout_s=3600, max_model_calls=10**9, max_tool_calls=10**9)

KEPT = 100


class ShortSink(Sink):
    """A trial ends and is stored; this one does not, so it forgets instead."""

    def record(self, event: Event) -> None:
        if len(self.events) >= KEPT:
            self.events.clear()
            self.wire.clear()
        super().record(event)


async def main() -> None:
    """Serve until stdin closes."""
    loaded, script = load_scripted(str(HERE / "scenarios" / "one_tool"))
    sink = ShortSink(trial_id="bench", token="bench-token", limits=LIMITS)
    async with open_bench(ModelGateway(), ToolGateway({})) as bench:
        await bench.tools.open(sink, loaded.agents, loaded.scenario.mcpServers, loaded.folder)
        bench.models.open(sink, loaded.agents, ScriptedUpstream(script, 0))
        print(bench.address.rpartition(":")[2], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main())
