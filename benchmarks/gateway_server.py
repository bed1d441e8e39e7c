"""A bench with two endless trials of `scenarios/one_tool`: prints its port, ends with stdin.

Trial `scripted` plays the script; trial `constant` has an upstream that answers at once, so that
its calls cost what the gateway costs. Their tokens are `scripted-token` and `constant-token`.
"""

import asyncio
import sys

import uvloop
from endless import LIMITS, ShortSink
from process_tree import HERE

from agentdyno.experiments.bench import open_bench
from agentdyno.experiments.request import load_scripted
from agentdyno.models.conversation import Reply
from agentdyno.models.gateway import ModelGateway
from agentdyno.models.scripted import ScriptedUpstream
from agentdyno.models.upstream import ModelRequest
from agentdyno.tools.gateway import ToolGateway


class Constant:
    """An upstream that costs nothing."""

    async def answer(self, request: ModelRequest) -> Reply:
        return Reply(text="The sum is 5.")


async def main() -> None:
    """Serve until stdin closes."""
    loaded, script = load_scripted(str(HERE / "scenarios" / "one_tool"))
    upstreams = {"scripted": ScriptedUpstream(script, 0), "constant": Constant()}
    async with open_bench(ModelGateway(), ToolGateway({})) as bench:
        for trial, upstream in upstreams.items():
            sink = ShortSink(trial_id=trial, token=f"{trial}-token", limits=LIMITS)
            await bench.tools.open(sink, loaded.agents, loaded.scenario.mcpServers, loaded.folder)
            bench.models.open(sink, loaded.agents, upstream)
        print(bench.address.rpartition(":")[2], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main())
