"""Pages over 100,000 trials, by a script of its own: Streamlit is not in the harness."""

import asyncio
import os
import subprocess

from process_tree import HERE

from agentdyno.core.settings import read_settings
from agentdyno.experiments.companion import ensure_companion


def main(rounds: int) -> None:
    """Run it in the environment that Streamlit has."""
    companion = asyncio.run(ensure_companion(read_settings(os.environ).cache))
    subprocess.run(
        [companion.python, HERE / "dashboard_pages.py", str(rounds)], check=True,
        env=companion.environ(os.environ),
    )
