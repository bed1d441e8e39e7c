"""From a run in the store to a file."""

import asyncio
import os
import tempfile
from pathlib import Path

from agentdyno.core.errors import UsageError
from agentdyno.core.settings import Settings
from agentdyno.core.trial import Trial
from agentdyno.dashboards.report.contents import contents, findings
from agentdyno.dashboards.report.draw import Pen
from agentdyno.dashboards.report.figures import planned
from agentdyno.dashboards.report.page import render
from agentdyno.store.executions import Executions
from agentdyno.store.matrices import MatrixRow, MatrixStore
from agentdyno.store.opening import open_database


def write_report(settings: Settings, matrix: str, file: Path, pen: Pen) -> None:
    """Write the report on the run whose id starts with `matrix`.

    Raises:
        DynoError: there is no such run, it has no trial, or the file cannot be written.
    """
    found = findings(*asyncio.run(_read(settings, matrix)))
    drawn = pen.draw(planned(found))
    said = contents(found)
    _write(file, render(said, drawn()))


async def _read(settings: Settings, prefix: str) -> tuple[MatrixRow, list[Trial], int]:
    """Return the run, its trials, and how many of them it took from the store."""
    async with open_database(settings) as pool:
        matrix = await MatrixStore(pool).find(prefix)
        executions = Executions(pool)
        found = await executions.of(matrix.id)
        trials = await executions.load(found)
    if not trials:
        raise UsageError(
            f"The run {matrix.id[:12]} ({matrix.command}) stored no trial: those it asked for were"
            " stored by an earlier run, or none ended.",
            "agentdyno report with that run's id, or the same run with --fresh",
        )
    return matrix, trials, sum(one.matrix_id != matrix.id for one in found)


def _write(file: Path, text: str) -> None:
    """Write the whole file or none of it."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=file.parent, prefix=f".{file.name}.", delete=False
        ) as draft:
            draft.write(text)
        # As any file that its user makes, not as a temporary one.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(draft.name, 0o666 & ~mask)
        os.replace(draft.name, file)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.", "choose another -o") from (
            error
        )
