"""Links the runs of MLflow to the prompts that their agents were given."""

import asyncio

from mlflow import MlflowClient

from agentdyno.experiments.tracking.cells import Cell
from agentdyno.experiments.tracking.registry import PromptRegistry
from agentdyno.experiments.tracking.runs import RunBook
from agentdyno.store.database import Pool
from agentdyno.store.prompts import PromptTexts


async def link_prompts(
    pool: Pool, client: MlflowClient, book: RunBook, run_id: str, cell: Cell
) -> None:
    """Link a cell's run to the registry's versions of its prompts, made where they are missing.

    A prompt whose text is not kept, or has no name in the registry, stays a tag of the run.
    """
    uses = {use.name: use.sha256 for trial in cell.trials for use in trial.prompts if use.name}
    texts = await PromptTexts(pool).load(set(uses.values()))
    known = {name: texts[sha256] for name, sha256 in uses.items() if sha256 in texts}
    if known:
        registry = PromptRegistry(client)
        note = f"used by run {run_id}"
        await asyncio.to_thread(registry.link, run_id, book.experiment_id, known, note)
