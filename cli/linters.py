"""The linters of this project itself, each run in its own process."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from agentdyno.cli.context import load_settings
from agentdyno.cli.database import run_async
from agentdyno.runners import envs
from agentdyno.runners.registry import RUNNERS


def run_linters(root: Path) -> int:
    """Run every linter on the checkout at `root`; returns 1 when one of them complains."""
    failed = not _passes(["ruff", "check", "."], root)
    failed |= not _passes(["lint-imports", "--no-logo"], root)
    with tempfile.TemporaryDirectory() as folder:
        # mypy takes a package's name from its folder, and a checkout may be called anything.
        (Path(folder) / "agentdyno").symlink_to(root, target_is_directory=True)
        for command in _mypy_commands(root):
            failed |= not _passes(command, Path(folder), MYPYPATH=folder)
    return int(failed)


def _mypy_commands(root: Path) -> Iterator[list[str]]:
    base = ["mypy", "--config-file", str(root / "pyproject.toml"), "--cache-dir",
            str(root / ".mypy_cache")]
    yield [*base, "-p", "agentdyno"]
    for name, row in RUNNERS.items():
        ref = run_async(envs.resolve(name, load_settings().cache))
        module = row.path.partition(":")[0]
        yield [*base, "--python-executable", str(ref.python), "-m", module]


def _passes(command: Sequence[str], folder: Path, **environ: str) -> bool:
    print("$", *command, flush=True)
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run(
        [program, *command[1:]], cwd=folder, env={**os.environ, **environ}, check=False
    )
    return done.returncode == 0
