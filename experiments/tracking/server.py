"""MLflow's own pages over what was exported: `agentdyno ui` starts this beside the dashboard.

The process, in the companion, looks at the schema before MLflow opens it, and then becomes MLflow's
server: one worker, no jobs, no telemetry, no host but ours.
"""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from agentdyno.core.errors import DynoError
from agentdyno.core.settings import Settings
from agentdyno.experiments.companion import Companion
from agentdyno.experiments.tracking.address import (
    ARTIFACTS,
    URI,
    artifact_folder,
    shown_address,
    tracking_address,
)

HEALTH = "/health"
"""Path that answers 200 once it serves."""


def elsewhere(settings: Settings) -> str | None:
    """Return the address of the MLflow server that somebody else runs, where the settings name one.
    """
    uri = settings.mlflow_uri
    return shown_address(uri) if uri and urlsplit(uri).scheme in ("http", "https") else None


async def command(
    companion: Companion, settings: Settings, host: str, port: int
) -> tuple[list[str], dict[str, str]]:
    """Return the command line of the server and its environment, which holds the address.

    It ends with code 3, and says why on stderr, where the tables are not its own.

    Raises:
        DynoError: our database cannot be reached, or MLflow's cannot be made.
    """
    address = {ARTIFACTS: str(artifact_folder(settings.cache)), **await tracking_address(settings)}
    environ = companion.environ({
        **settings.environment, "AGENTDYNO_CACHE": str(settings.cache),
    })
    argv = companion.command("agentdyno.experiments.tracking.server", host, str(port))
    return argv, {
        **environ, **address,
        # Ten processes and a gigabyte for jobs that nobody gives it.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


def main(host: str, port: str) -> int:  # noqa: RET503 the last line does not return
    """Become the server."""
    from agentdyno.experiments.tracking.schema import ready

    try:
        ready(os.environ)
    except DynoError as error:
        print(f"agentdyno: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    artifacts = Path(os.environ[ARTIFACTS])
    artifacts.mkdir(parents=True, exist_ok=True)
    # By the environment, since others may read a command line.
    os.environ["MLFLOW_BACKEND_STORE_URI"] = os.environ.pop(URI)
    os.execv(sys.executable, [  # noqa: S606 our own Python
        sys.executable, "-P", "-m", "mlflow", "server", "--workers", "1", "--host", host,
        "--port", port, "--default-artifact-root", artifacts.as_uri(), "--no-serve-artifacts",
    ])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
