"""What a run does for its exports when it ends: a line in the queue, and a process that reads it.

`python -m agentdyno.experiments.exporting` is that process. It is nobody's child any more when it
works, runs at the lowest priority, so that the next run is measured beside an idle machine, and
writes to `exports.log` in the cache.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from agentdyno.core.errors import DynoError
from agentdyno.core.settings import Settings, read_settings
from agentdyno.experiments.companion import companion_if_ready
from agentdyno.store.database import Pool
from agentdyno.store.exports import ExportQueue, Target
from agentdyno.store.opening import open_database

_LOG_BYTES = 1_000_000


def targets_of(settings: Settings, *, mlflow: bool = True) -> tuple[Target, ...]:
    """Return where a run is exported to.

    Args:
        settings: name the targets.
        mlflow: whether this run is for MLflow at all.
    """
    found: list[Target] = ["mlflow"] if mlflow and settings.mlflow else []
    return (*found, "otlp") if settings.otlp_endpoint else tuple(found)


async def announce(
    pool: Pool, settings: Settings, matrix_id: str, trials: Sequence[str], *, mlflow: bool = True
) -> str:
    """Have a run that has ended exported in the background; returns what a user should know.

    Nothing is installed for it: where MLflow is not there yet, the run waits in the queue.

    Args:
        pool: the store.
        settings: name the targets.
        matrix_id: the run.
        trials: ids of all its trials, those that it took from the store included.
        mlflow: whether it is for MLflow at all (`--no-mlflow`).

    Raises:
        HarnessFault: our own database is away.
    """
    targets = targets_of(settings, mlflow=mlflow)
    if not targets or not trials:
        return ""
    await ExportQueue(pool).add(matrix_id, targets, trials)
    if companion_if_ready(settings.cache) is None:
        return "not in MLflow yet: agentdyno ui installs it first (1.2 GB), then exports"
    try:
        spawn(settings)
    except OSError as error:
        # The run itself is stored and well.
        return f"not exported yet ({error}): agentdyno export mlflow does it"
    return ""


async def resume(pool: Pool, settings: Settings) -> int:
    """Have what has not reached MLflow yet exported in the background; returns how many runs.

    Raises:
        HarnessFault: our own database is away.
        OSError: the process cannot be started.
    """
    waiting = await ExportQueue(pool).hurry("mlflow") if settings.mlflow else 0
    if waiting:
        spawn(settings)
    return waiting


def log_path(cache: Path) -> Path:
    """Return where background exports write their log."""
    return cache / "exports.log"


def spawn(settings: Settings) -> None:
    """Start a process that works off the queue, and forget it."""
    path = log_path(settings.cache)
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    environ = {**settings.environment, "AGENTDYNO_CACHE": str(settings.cache)}
    with path.open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-P", "-m", "agentdyno.experiments.exporting"], env=environ,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )


async def _work_off(settings: Settings) -> None:
    # Imported here, since every run imports this module.
    from agentdyno.experiments.exportqueue import ExportView, work_off

    view = ExportView(note=_log)
    async with open_database(settings) as pool:
        for target in targets_of(settings):
            await work_off(settings, pool, target, view=view)


def _log(text: str) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {text}", flush=True)


def main() -> int:
    """Work off the queue; what goes wrong is in the log and in the queue."""
    os.nice(19)
    try:
        asyncio.run(_work_off(read_settings(os.environ)))
    except DynoError as error:
        _log(str(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
