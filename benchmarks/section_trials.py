"""What the harness adds to a trial, per runner.

Both sides run `SMALL` and then `LARGE` trials; the difference over the trials in between is the
cost of one warm trial, free of start-up. Bare: a script of the same framework with an agent per
trial, one shared client and, in mode `tool`, an in-process tool, against the hand-written floor
server. Harness: gateway, scripted model, event log, tool server and Postgres included.
"""

from statistics import median

import psutil
from bare_side import SCRIPTS, bare_cpu_s, floor_server
from figures import spread, target
from harness_side import MODES, harness_cpu_s
from process_tree import postmaster

SMALL, LARGE, CONCURRENCY = 20, 120, 4
RATIO, ADDED_MS = 1.25, {"turns": 2.5, "tool": 6.0}


def main(rounds: int) -> None:
    """Print one line per runner and mode."""
    database = postmaster()
    with floor_server() as (url, server):
        for runner in SCRIPTS:
            for mode in MODES:
                _compare(runner, mode, rounds, url, server, database)


def _compare(
    runner: str, mode: str, rounds: int, url: str, server: psutil.Process,
    database: psutil.Process,
) -> None:
    bare, ours = [], []
    for _ in range(rounds):
        small, large = (
            bare_cpu_s(runner, mode, n, CONCURRENCY, url, server) for n in (SMALL, LARGE)
        )
        bare.append(1000 * (large - small) / (LARGE - SMALL))
        small, large = (
            harness_cpu_s(runner, mode, n, CONCURRENCY, database) for n in (SMALL, LARGE)
        )
        ours.append(1000 * (large - small) / (LARGE - SMALL))
    ratios = [a / b for a, b in zip(ours, bare, strict=True)]
    added = [a - b for a, b in zip(ours, bare, strict=True)]
    met = median(added) <= ADDED_MS[mode] and (mode == "tool" or median(ratios) <= RATIO)
    words = f"+{ADDED_MS[mode]} ms" + ("" if mode == "tool" else f" and {RATIO}x")
    print(f"{runner:14} {MODES[mode]:34} bare {spread(bare, 1)} ms, harness {spread(ours, 1)} ms, "
          f"ratio {spread(ratios)}, added {spread(added, 1)} ms; {target(met, words)}", flush=True)
