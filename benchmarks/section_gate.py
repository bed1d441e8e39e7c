"""The gate in replay mode over 60 trials: agentdyno's own suite, each cell five times.

Wall time of the whole command, from a start out of nothing: six workers import their frameworks,
60 trials are replayed, stored, read back with their wire, judged and written.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from figures import spread, target
from process_tree import compiled_environment, cost, postmaster

SUITE = Path(__file__).resolve().parents[1] / "tests" / "suite"
REPEATS, TRIALS, GOAL_S = 5, 60, 30


def main(rounds: int) -> None:
    """Print wall and CPU seconds; recordings of the repeats are made first."""
    postgres = postmaster()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(SUITE, Path(folder) / "suite"))
        suite = copy / "own.yaml"
        suite.write_text(f"{suite.read_text()}trials: {REPEATS}\n")
        _run("bless", suite, "--record", "--concurrency", "4")
        found = [
            cost(_command("gate", suite, "--concurrency", "4"), server=postgres,
                 env=compiled_environment())
            for _ in range(rounds + 1)
        ][1:]
    walls = [one.wall_s for one in found]
    print(f"{TRIALS} trials on 6 runners: wall {spread(walls, 1)} s, CPU "
          f"{spread([one.cpu_s for one in found], 1)} s; "
          f"{target(max(walls) <= GOAL_S, f'at most {GOAL_S} s')}", flush=True)


def _run(*arguments: str | Path) -> None:
    cost(_command(*arguments), env=compiled_environment())


def _command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-P", "-m", "agentdyno", *map(str, arguments)]
