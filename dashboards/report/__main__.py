"""`python -m agentdyno.dashboards.report MATRIX --output FILE`, in the companion environment."""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from agentdyno.core.errors import DynoError, UsageError
from agentdyno.core.settings import Settings, read_settings
from agentdyno.core.trial import Trial
from agentdyno.dashboards.report.contents import contents, findings
from agentdyno.dashboards.report.draw import Pen
from agentdyno.dashboards.report.page import render
from agentdyno.store.executions import Executions
from agentdyno.store.matrices import MatrixRow, MatrixStore
from agentdyno.store.opening import open_database


def main(argv: Sequence[str] | None = None) -> int:
    """Write the report and return the exit code."""
    parser = argparse.ArgumentParser(prog="agentdyno report")
    parser.add_argument("matrix")
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args(argv)
    try:
        # What draws is another process, which imports its libraries while this one reads.
        with Pen() as pen:
            found = findings(*asyncio.run(_read(read_settings(os.environ), given.matrix)))
            drawing = pen.draw(found)
            text = render(contents(found), drawing())
        _write(given.output, text)
    except DynoError as error:
        print(f"agentdyno: {error}", file=sys.stderr)
        return error.exit_code
    print(given.output)
    return 0


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


if __name__ == "__main__":
    sys.exit(main())
