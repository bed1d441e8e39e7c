"""A baseline as another branch has it: a pull request cannot bless its own regression."""

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path

from agentdyno.core.errors import UsageError
from agentdyno.experiments.gate.baseline import Baseline, parse_baseline


async def baseline_at(ref: str, path: Path, shown_as: str) -> Baseline:
    """Return the baseline file `path` as it is at the git revision `ref`.

    Raises:
        UsageError: git, the revision or the file is not there, or the file is no baseline.
    """
    if ref.startswith("-"):
        raise UsageError(f"--baseline-from {ref}: this is no revision.", "--baseline-from main")
    try:
        git = await asyncio.create_subprocess_exec(
            "git", "-C", str(path.parent), "show", f"{ref}:./{path.name}", stdout=PIPE, stderr=PIPE
        )
    except FileNotFoundError as error:
        raise UsageError(
            "--baseline-from needs git, and there is none on PATH.",
            "install git, or leave out --baseline-from",
        ) from error
    out, err = await git.communicate()
    if git.returncode:
        said = err.decode(errors="replace").strip().removeprefix("fatal: ")
        raise UsageError(
            f"git has no {shown_as} at {ref}: {said}.",
            f"git fetch origin {ref.removeprefix('origin/')}, or bless on that branch first",
        )
    return parse_baseline(out.decode(errors="replace"), f"{ref}:{shown_as}")
