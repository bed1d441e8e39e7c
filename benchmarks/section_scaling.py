"""CPU per trial at 1,000 trials against 200: nothing may grow with what is stored already."""

from statistics import median

from figures import spread, target
from harness_side import harness_cpu_s
from process_tree import postmaster

RUNNER, FEW, MANY, GOAL = "openai_agents", 200, 1000, 1.1


def main(rounds: int) -> None:
    """Print the ratio; start-up is taken out of both sides."""
    database = postmaster()
    ratios = []
    for _ in range(max(1, rounds - 1)):
        start = harness_cpu_s(RUNNER, "turns", 1, 4, database)
        few = (harness_cpu_s(RUNNER, "turns", FEW, 4, database) - start) / (FEW - 1)
        many = (harness_cpu_s(RUNNER, "turns", MANY, 4, database) - start) / (MANY - 1)
        print(f"{RUNNER}: {1000 * few:.1f} ms at {FEW} trials, {1000 * many:.1f} ms at {MANY}")
        ratios.append(many / few)
    print(f"ratio {spread(ratios)}; {target(median(ratios) <= GOAL, f'at most {GOAL}x')}")
