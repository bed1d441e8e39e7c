"""CPU of `agentdyno --help`."""

import sys
from statistics import median

from figures import spread, target
from process_tree import compiled_environment, cost

HELP = [sys.executable, "-P", "-m", "agentdyno", "--help"]
BARE = [sys.executable, "-c", "pass"]
GOAL_S = 0.12


def main(rounds: int) -> None:
    """Print it beside a bare interpreter's."""
    env = compiled_environment()
    pairs = [(cost(HELP, env=env).cpu_s, cost(BARE, env=env).cpu_s) for _ in range(rounds + 3)][2:]
    ours, bare = zip(*pairs, strict=True)
    print(f"--help {spread(ours, 3)} CPU-s, bare interpreter {spread(bare, 3)} CPU-s; "
          + target(median(ours) <= GOAL_S, f"at most {GOAL_S} CPU-s"))
