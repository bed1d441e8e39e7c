"""CPU of the statistics of a report: every pair of six runners on every metric.

The values are made up and seeded; what is timed is `paired_difference`, `paired_ratio`,
`clustered_mean` and `holm` as `agentdyno compare` calls them, imports left out.
"""

import time
from itertools import combinations
from statistics import median

import numpy as np
from figures import spread, target

from agentdyno.evals.statistics.bootstrap import Resamples
from agentdyno.evals.statistics.multiple import holm
from agentdyno.evals.statistics.paired import BOOTSTRAPS, paired_difference, paired_ratio
from agentdyno.evals.statistics.rates import clustered_mean
from agentdyno.evals.statistics.values import Values

RUNNERS, RATIOS = 6, 3
SIZES = ((50, 1, 60.0), (200, 5, 2000.0))
"""Cases, trials per case and runner, and the target in CPU milliseconds."""


def main(rounds: int) -> None:
    """Print one line per size of matrix."""
    _report(*_arms(10, 1))  # what is imported lazily
    for cases, trials, most in SIZES:
        rates, quantities = _arms(cases, trials)
        took = []
        for _ in range(rounds):
            began = time.process_time()
            _report(rates, quantities)
            took.append(1000 * (time.process_time() - began))
        print(f"{RUNNERS} runners x {cases} cases x {trials} trials, rate and {RATIOS} ratios: "
              f"{spread(took, 0)} ms CPU; {target(median(took) <= most, f'{most:,.0f} ms')}",
              flush=True)


def _arms(cases: int, trials: int) -> tuple[list[Values], list[list[Values]]]:
    generator = np.random.default_rng(1)
    rates: list[Values] = []
    quantities: list[list[Values]] = [[] for _ in range(RATIOS)]
    for _ in range(RUNNERS):
        hard = generator.random(cases)
        rates.append({
            str(c): (generator.random(trials) < hard[c]).astype(float).tolist()
            for c in range(cases)
        })
        for some in quantities:
            some.append({
                str(c): generator.lognormal(5, 0.3, trials).tolist() for c in range(cases)
            })
    return rates, quantities


def _report(rates: list[Values], quantities: list[list[Values]]) -> None:
    for arm in rates:
        clustered_mean(arm)
    pairs = list(combinations(range(RUNNERS), 2))
    found = [paired_difference(rates[a], rates[b]) for a, b in pairs]
    holm([one.p for one in found if one])
    drawn = Resamples(tuple(rates[0]), seed=0, resamples=BOOTSTRAPS)
    for arms in quantities:
        ratios = [paired_ratio(arms[a], arms[b], drawn=drawn) for a, b in pairs]
        holm([one.p for one in ratios if one])
