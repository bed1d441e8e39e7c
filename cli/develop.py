"""`dyno test` and `dyno lint`: what a contributor and CI run, from the checkout."""

import os
import subprocess
import sys
from pathlib import Path

import click

from agentdyno.core.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent


def _tool(*command: str) -> int:
    """Run a development tool of this environment in the checkout; returns its exit code."""
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode


def _need_checkout() -> None:
    if not (ROOT / "tests").is_dir():
        raise UsageError(
            "this is an installed agentdyno without its tests.",
            "clone the repository and type ./dyno test there",
        )


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED)
def test(pytest_args: tuple[str, ...]) -> int:
    """Make every runner's environment, then run the whole test suite.

    PYTEST_ARGS are handed to pytest: `./dyno test tests/contract -k crewai`.
    """
    _need_checkout()
    from agentdyno.cli.environments import ensure_all

    ensure_all()
    os.environ.pop("AGENTDYNO_DATABASE_URL", None)
    return _tool("pytest", *pytest_args)


@click.command()
def lint() -> int:
    """Run ruff, import-linter and mypy (strict); prints each command first.

    Adapters are type-checked in their runners' environments, which are made when missing.
    """
    _need_checkout()
    from agentdyno.cli.environments import ensure_all
    from agentdyno.cli.linters import run_linters

    ensure_all()

    return run_linters(ROOT)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(arguments: tuple[str, ...]) -> int:
    """Run the benchmarks: ratios measured pairwise in one run. See `bench --help` for sections."""
    _need_checkout()
    script = ROOT / "benchmarks" / "bench.py"
    return subprocess.run([sys.executable, script, *arguments], check=False).returncode
