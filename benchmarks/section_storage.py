"""Storage, by its own script."""

import subprocess
import sys

from process_tree import HERE


def main(rounds: int) -> None:
    """Run it."""
    subprocess.run([sys.executable, HERE / "storage.py", "--rounds", str(rounds)], check=True)
