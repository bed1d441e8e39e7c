"""`python -m agentdyno.experiments.traces`: exports runs to a collector, in the companion."""

import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from agentdyno.core.settings import Settings
from agentdyno.experiments.exportchild import Export, Progress
from agentdyno.experiments.exportchild import main as serve
from agentdyno.experiments.traces.collector import Collector, OtlpExporter
from agentdyno.store.database import Pool


@asynccontextmanager
async def _opening(settings: Settings, pool: Pool) -> AsyncIterator[Export]:
    collector = Collector(os.environ)

    async def export(matrix_id: str, secrets: Sequence[str], progress: Progress) -> int:
        return await OtlpExporter(pool, collector, secrets).export(matrix_id, progress)

    try:
        yield export
    finally:
        collector.close()


if __name__ == "__main__":
    sys.exit(serve(_opening))
