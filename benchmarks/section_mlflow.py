"""Exporting to MLflow, by its own script; rounds mean nothing here."""

import subprocess
import sys

from process_tree import HERE


def main(rounds: int) -> None:
    """Run it."""
    subprocess.run([sys.executable, HERE / "mlflow_export.py"], check=True)
