"""A bench whose one endless trial asks a live provider: prints its port, ends with stdin.

    live_server.py PORT     the provider's port on this machine

The trial is `live`, its token `live-token`, its agent `solver`. The whole chain of a run is there:
retries, circuit breaker, limits, prices.
"""

import asyncio
import gc
import sys
import tempfile
from pathlib import Path

import uvloop
from endless import LIMITS, ShortSink

from agentdyno.cli.main import GC_THRESHOLD
from agentdyno.core.model import ModelChoice
from agentdyno.core.spec import AgentSpec
from agentdyno.experiments.bench import open_bench
from agentdyno.models.gateway import ModelGateway
from agentdyno.models.providers import Providers, read_providers
from agentdyno.tools.gateway import ToolGateway

PROVIDERS = "providers:\n  openai: {max_concurrency: 1000}\n"


async def main(port: int) -> None:
    """Serve until stdin closes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "providers.yaml"
        file.write_text(PROVIDERS)
        catalogue = read_providers(file, None, {"FLOOR_KEY": "floor-key"})
    choice = ModelChoice(
        model="openai:default", base_url=f"http://127.0.0.1:{port}/v1", key_env="FLOOR_KEY")
    agent = AgentSpec(name="solver", role="Solver", goal="solve", instructions="Solve.")
    sink = ShortSink(trial_id="live", token="live-token", limits=LIMITS)
    async with Providers(catalogue) as live, open_bench(ModelGateway(), ToolGateway({})) as bench:
        upstream = live.upstream(sink, {"solver": choice}, retries="uniform")
        bench.models.open(sink, [agent], upstream)
        print(bench.address.rpartition(":")[2], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    gc.set_threshold(*GC_THRESHOLD)
    uvloop.run(main(int(sys.argv[1])))
