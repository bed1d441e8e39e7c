"""What a command asks of a model by itself, outside of any trial: on the bill all the same."""

import contextlib
import shlex
import sys
from collections.abc import AsyncIterator

from agentdyno.cli.database import address
from agentdyno.core.settings import Settings
from agentdyno.experiments.request import Request
from agentdyno.store.database import Pool
from agentdyno.store.ledger import SpendLedger
from agentdyno.store.trials import TrialStore


@contextlib.asynccontextmanager
async def open_ledger(
    settings: Settings, request: Request, pool: Pool | None
) -> AsyncIterator[SpendLedger | None]:
    """Keep what live calls cost, as a run of its own in `agentdyno spend`; None where none are
    made."""
    if pool is None or request.catalogue is None:
        yield None
        return
    store = TrialStore(pool)
    matrix = await store.create_matrix(
        shlex.join(["agentdyno", *sys.argv[1:]]), request.options.model_dump(mode="json")
    )

    async def revive() -> None:
        await address(settings)

    try:
        yield SpendLedger(pool, matrix, revive=revive)
    except BaseException:
        await store.finish_matrix(matrix, "failed")
        raise
    await store.finish_matrix(matrix, "finished")
