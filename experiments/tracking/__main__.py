"""`python -m agentdyno.experiments.tracking`: exports matrices to MLflow, in the companion."""

import logging
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from agentdyno.core.settings import Settings
from agentdyno.experiments.exportchild import Export, Progress
from agentdyno.experiments.exportchild import main as serve
from agentdyno.experiments.tracking.exporter import MlflowExporter
from agentdyno.experiments.tracking.schema import ready
from agentdyno.store.database import Pool


@asynccontextmanager
async def _opening(settings: Settings, pool: Pool) -> AsyncIterator[Export]:
    ready(os.environ)

    async def export(matrix_id: str, secrets: Sequence[str], progress: Progress) -> int:
        return await MlflowExporter(pool, secrets).export(matrix_id, progress)

    yield export


if __name__ == "__main__":
    # It tells of what it retries and of what it makes; errors come as exceptions anyway.
    logging.getLogger("mlflow").setLevel(logging.CRITICAL)
    sys.exit(serve(_opening))
