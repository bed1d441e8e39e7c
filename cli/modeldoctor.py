"""`agentdyno doctor --model NAME`: what one live model can do."""

from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from agentdyno.cli.database import run_async
from agentdyno.core.errors import UsageError
from agentdyno.core.model import ModelChoice
from agentdyno.core.settings import Settings
from agentdyno.models.catalogue import read_providers
from agentdyno.models.probe import probe


def examine(
    console: Console, settings: Settings, name: str, providers: Path | None, env_file: Path | None
) -> int:
    """Ask the model a few tiny things and print what works; returns the exit code.

    It is 0 where all that frameworks need works: a price that is not known is only said.

    Raises:
        UsageError: `name` is no model, its provider is unknown, or its key is missing.
        InputError: a file holds problems.
    """
    try:
        choice = ModelChoice.of(name)
    except ValidationError as error:
        raise UsageError(
            f"--model {name}: this is no model; it should be PROVIDER:NAME.",
            "agentdyno doctor --model openai:gpt-5-mini",
        ) from error
    if env_file is None and Path(".env").is_file():
        env_file = Path(".env")
    catalogue = read_providers(providers, env_file, settings.environment)
    target = catalogue.target(choice)
    console.print(f"{choice.label} at {target.place}", markup=False, soft_wrap=True)

    async def ask() -> int:
        bad = 0
        async for found in probe(catalogue, choice):
            free = found.what == "price"
            mark = "[green]ok  [/]" if found.works else (
                "[yellow]note[/]" if free else "[red]bad [/]"
            )
            console.print(mark, end=" ")
            console.print(f"{found.what}: {found.detail}", markup=False, soft_wrap=True)
            bad += not found.works and not free
        return bad

    return 3 if run_async(ask()) else 0
