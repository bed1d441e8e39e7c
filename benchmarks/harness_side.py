"""The harness side of a comparison: `agentdyno run` on a benchmark scenario, everything counted."""

import sys

import psutil
from process_tree import compiled_environment, cost

SCENARIOS = {"turns": "two_turns", "tool": "one_tool"}
MODES = {"turns": "no tool, two user turns", "tool": "one tool, through the MCP gateway"}


def harness_cpu_s(
    runner: str, mode: str, trials: int, concurrency: int, server: psutil.Process
) -> float:
    """Return the CPU seconds of one run: harness, worker, tool server and Postgres."""
    command = [
        sys.executable, "-P", "-m", "agentdyno", "run", f"scenarios/{SCENARIOS[mode]}",
        "--runner", runner, "--trials", str(trials), "--concurrency", str(concurrency),
        "--fresh",
    ]
    return cost(command, server=server, env=compiled_environment()).cpu_s
