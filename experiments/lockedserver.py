"""Makes the environments of tool servers that others wrote (`${locked:NAME}`, `tools/locked.py`).

The harness makes them, with its own way to a package index; a server is started with few of its
variables and could not.
"""

import os
from collections.abc import Mapping

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.settings import cache_folder
from agentdyno.core.spec import ToolServer
from agentdyno.runners import envs
from agentdyno.runners.ref import LockedEnvironment
from agentdyno.tools.locked import LockedServer, locked, locked_names


async def make_locked(server: ToolServer, environ: Mapping[str, str] = os.environ) -> None:
    """Make what an entry of `mcpServers` names and is not there yet.

    Raises:
        UsageError: there is no lock of that name.
        EnvironmentFault: the environment cannot be made.
    """
    cache = cache_folder(environ)
    for name in locked_names(server) if cache else ():
        assert cache
        await _ensure(locked(name, cache))


async def _ensure(found: LockedServer) -> None:
    try:
        await envs.ensure(LockedEnvironment(
            name=found.name, version=found.version, lock=found.lock, folder=found.folder,
            python=found.folder / "bin" / "python",
        ))
    except EnvironmentFault as fault:
        raise EnvironmentFault(
            fault.message, f"{found.name} is installed when it is first used: connect this machine"
            " to a Python package index and run the same again",
        ) from fault
