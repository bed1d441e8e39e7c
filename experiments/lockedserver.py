"""Starts a tool server that others wrote, in the environment that its lock file describes.

    python -P -m agentdyno.experiments.lockedserver CACHE NAME [ARGUMENTS]

NAME is a lock file of `tools/locks`, a package and its program alike. The environment is made in
the cache when it is first asked for; from then on starting the server costs nothing beside it.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from agentdyno.core.errors import EnvironmentFault, UsageError
from agentdyno.runners import envs
from agentdyno.runners.locking import lock_digest, pins
from agentdyno.runners.ref import RunnerRef
from agentdyno.runners.support import TeamWork

LOCKS = Path(__file__).resolve().parents[1] / "tools" / "locks"


async def program(name: str, cache: Path) -> Path:
    """Return the program of the locked server `name`, making its environment when it is missing.

    Raises:
        UsageError: there is no lock of that name.
        EnvironmentFault: the environment cannot be made.
    """
    lock = LOCKS / f"{name}.txt"
    if not lock.is_file():
        known = ", ".join(sorted(path.stem for path in LOCKS.glob("*.txt")))
        raise UsageError(f"there is no locked tool server {name!r}.", f"name one of: {known}")
    version, digest = pins(lock)[name], lock_digest(lock)
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    folder = cache / "servers" / f"{name}-{version}-{digest[:8]}-{python}"
    made = await envs.ensure(RunnerRef(
        name=name, version=version, digest=digest, path="", package=name, lock=lock,
        folder=folder, python=folder / "bin" / "python", modules={},
        teamwork=TeamWork(patterns={}, hook=""),
    ))
    return made.with_name(name)


def serve(name: str, cache: Path, arguments: Sequence[str]) -> NoReturn:
    """Become the locked server `name`; what goes wrong is told on standard error."""
    try:
        found = asyncio.run(program(name, cache))
    except EnvironmentFault as fault:
        sys.exit(
            f"{fault.message}\nThe server {name} is installed from a Python package index when it "
            "is first used: connect this machine to one and run the same again."
        )
    except UsageError as error:
        sys.exit(str(error))
    os.execv(found, [str(found), *arguments])  # noqa: S606


def main(arguments: Sequence[str]) -> NoReturn:
    """Serve what the command line names."""
    if len(arguments) < 2:
        sys.exit("lockedserver: give the cache folder and the name of a lock in tools/locks")
    serve(arguments[1], Path(arguments[0]), arguments[2:])


if __name__ == "__main__":
    main(sys.argv[1:])
