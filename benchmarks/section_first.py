"""Time to the first result: one trial, everything started from nothing but warm environments."""

from statistics import median

from bare_side import SCRIPTS, bare_cpu_s, floor_server
from figures import spread, target
from harness_side import harness_cpu_s
from process_tree import postmaster

GOAL_S = 0.6


def main(rounds: int) -> None:
    """Print one line per runner; Postgres runs already, as it does after the first command."""
    database = postmaster()
    with floor_server() as (url, server):
        for runner in SCRIPTS:
            pairs = [
                (bare_cpu_s(runner, "turns", 1, 1, url, server),
                 harness_cpu_s(runner, "turns", 1, 1, database))
                for _ in range(rounds + 1)
            ][1:]
            added = [ours - bare for bare, ours in pairs]
            bare, ours = zip(*pairs, strict=True)
            print(f"{runner:14} bare {spread(bare)} CPU-s, harness {spread(ours)} CPU-s, added "
                  f"{spread(added)}; {target(median(added) <= GOAL_S, f'+{GOAL_S} CPU-s')}",
                  flush=True)
