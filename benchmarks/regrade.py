"""What grading stored trials again costs: `python benchmarks/regrade.py [--trials N]`.

Stores sealed trials of 25 events each in an embedded server of its own, and grades them by ten
deterministic checks as `agentdyno score` does, twice: with every verdict changing, so that all are
written, and with none. Seconds are wall; CPU is this process's plus the server's.
"""

import argparse
import asyncio
import gc
import tempfile
import time
from pathlib import Path

import uvloop
from storage import _cpu, _store, _trial

from agentdyno.cli.main import GC_THRESHOLD
from agentdyno.core.trial import Trial
from agentdyno.experiments.regrade import Scope, regrade
from agentdyno.store.database import open_pool
from agentdyno.store.gradings import GradingStore
from agentdyno.store.migrations import migrate
from agentdyno.store.postgres import ensure_server, remove_server, server_status
from agentdyno.store.trials import TrialStore

TARGET_S = 20.0
SCENARIO = """\
name: benchmark
title: Trials that are stored already
user: [What should I buy?]
agents: {analyst: {role: r, goal: g, instructions: i, tools: ["market.*"]}}
pattern: {type: single, agent: analyst}
mcpServers: {market: {bundled: market}}
checks:
- {id: says_something, type: regex, pattern: \\w+}
- {id: no_promise, type: contains, text: guaranteed, absent: true}
- {id: tools, type: tools_called, tools: [market.returns], forbidden: [market.sell]}
- {id: limits, type: limits, model_calls: 20, tool_calls: 20, prompt_tokens: 20000, seconds: 5}
- {id: similar, type: similarity, text: buy nothing, metric: token_set, at_least: 0.01}
- {id: once, type: no_duplicates, max: 12}
- {id: allowed, type: permission}
- {id: no_loops, type: path, max_loops: 12}
- {id: sources, type: citations, min: 0, at_least: 0}
- {id: trusted, type: confidence, at_least: 0.1}
"""


async def _bench(count: int, folder: Path) -> None:
    dsn = await ensure_server(folder / "cache")
    await migrate(dsn)
    server = (await server_status(folder / "cache")).pid
    assert server is not None
    (folder / "scenario.yaml").write_text(SCENARIO)
    pool = await open_pool(dsn)
    trials: list[tuple[Trial, tuple[()]]] = [(_trial(n), ()) for n in range(count)]
    await _store(TrialStore(pool), trials)
    scope = Scope(scenarios=(str(folder / "scenario.yaml"),))
    print(f"{count} stored trials x 10 checks; at most {TARGET_S:g} s for 10,000")
    for name in ("every verdict changes", "none changes"):
        start, cpu = time.perf_counter(), _cpu(server)
        result = await regrade(GradingStore(pool), scope, command="benchmark")
        seconds, cpu = time.perf_counter() - start, _cpu(server) - cpu
        assert result.graded == count
        print(f"  {name:24} {seconds:6.2f} s wall, {cpu:6.2f} s CPU, {result.changed} changed, "
              f"{result.passing} pass")
    await pool.close()


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    options = parser.parse_args()
    # As every command does.
    gc.set_threshold(*GC_THRESHOLD)
    with tempfile.TemporaryDirectory(prefix="agentdyno-bench-") as name:
        folder = Path(name)
        try:
            # The event loop that `agentdyno score` uses.
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_bench(options.trials, folder))
        finally:
            asyncio.run(remove_server(folder / "cache"))


if __name__ == "__main__":
    main()
