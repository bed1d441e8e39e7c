"""What the pytest plugin adds to a session that has nothing for it to do."""

import sys
import tempfile
from pathlib import Path
from statistics import median

from figures import spread, target
from process_tree import compiled_environment, cost

PLUGIN = "agentdyno.cli.pytest_plugin"
GOAL_S = 0.2


def main(rounds: int) -> None:
    """Print CPU and wall seconds of a session of one test, with the plugin and without it."""
    env = compiled_environment() | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    with tempfile.TemporaryDirectory() as folder:
        test = Path(folder) / "test_nothing.py"
        test.write_text("def test_nothing():\n    pass\n")
        bare = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider",
                "-c", "/dev/null", "--rootdir", folder, str(test)]
        ours = [*bare, "-p", PLUGIN]
        pairs = [(cost(bare, env=env), cost(ours, env=env)) for _ in range(rounds + 4)][2:]
    cpu = [with_it.cpu_s - without.cpu_s for without, with_it in pairs]
    wall = [with_it.wall_s - without.wall_s for without, with_it in pairs]
    print(f"a session of one test {spread([w.cpu_s for w, _ in pairs])} CPU-s; the plugin adds "
          f"{spread(cpu, 3)} CPU-s, {spread(wall, 3)} s wall; "
          + target(median(wall) < GOAL_S and median(cpu) < GOAL_S, f"less than {GOAL_S} s"))
