"""Brings the tables of an older MLflow up to the companion's; imports MLflow in its process."""

import asyncio
import os
import sys

from agentdyno.core.errors import DynoError, HarnessFault
from agentdyno.core.settings import Settings
from agentdyno.experiments.companion import ensure_companion
from agentdyno.experiments.tracking.address import tracking_address, without_secrets


async def upgrade_schema(settings: Settings) -> None:
    """Have it done, as somebody asked for.

    Raises:
        DynoError: they are not those of an older MLflow, or it failed.
    """
    companion = await ensure_companion(settings.cache)
    environ = {**companion.environ(settings.environment), **await tracking_address(settings)}
    process = await asyncio.create_subprocess_exec(
        *companion.command("agentdyno.experiments.tracking.upgrading"), env=environ,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, log = await process.communicate()
    if process.returncode:
        said = without_secrets(log.decode(errors="replace"), environ).strip()
        raise HarnessFault(f"MLflow's tables were not changed: {said}", "agentdyno export status")


def main() -> int:
    """Do it in this process."""
    from agentdyno.experiments.tracking.schema import upgrade

    try:
        upgrade(os.environ)
    except DynoError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
