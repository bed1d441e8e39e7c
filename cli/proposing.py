"""Everything that proposing needs, read and opened for the command line."""

from dataclasses import dataclass
from pathlib import Path

from agentdyno.cli.asides import open_ledger
from agentdyno.cli.database import open_database
from agentdyno.core.settings import RunOptions, Settings
from agentdyno.experiments.abtest.reading import read_experiment
from agentdyno.experiments.bench import open_bench
from agentdyno.experiments.proposing.propose import Proposed, causes_of, propose, request_of
from agentdyno.experiments.proposing.subject import Subject, of_experiment, of_scenario
from agentdyno.experiments.sources import open_budgets, open_sources
from agentdyno.models.gateway import ModelGateway
from agentdyno.store.database import Pool
from agentdyno.tools.gateway import ToolGateway


@dataclass(frozen=True, kw_only=True)
class Whose:
    """Whose failures are read."""

    experiment: str | None
    """Name or path; null where a scenario is named."""
    scenario: str | None
    variant: str | None
    matrix: str | None


async def propose_variants(
    settings: Settings, options: RunOptions, whose: Whose, *, most: int, script: Path | None,
    temperature: float | None,
) -> Proposed:
    """Read failures, ask a model, write the file.

    Raises:
        DynoError: nothing failed, the model cannot be asked, or its answers cannot be used.
    """
    async with open_database(settings) as pool:
        subject = await _subject(pool, settings, whose)
        causes_of(subject)
        request = request_of(settings, options, subject, script, temperature)
        async with (
            open_ledger(settings, request, pool) as ledger,
            open_budgets(request, ledger, None) as budgets,
            open_sources(request, budgets) as sources,
            open_bench(ModelGateway(), ToolGateway({})) as bench,
        ):
            return await propose(bench, sources, request, subject, most=most)


async def _subject(pool: Pool, settings: Settings, whose: Whose) -> Subject:
    if whose.scenario is not None:
        return await of_scenario(pool, settings, whose.scenario, whose.variant, whose.matrix)
    loaded = read_experiment(whose.experiment or "")
    return await of_experiment(pool, settings, loaded, whose.variant)
