"""A recording of a trial that is stored already."""

from collections.abc import Sequence
from pathlib import Path

import click

from agentdyno.cli.context import load_settings
from agentdyno.cli.database import open_database, run_async
from agentdyno.core.errors import UsageError
from agentdyno.core.event import WireRecord
from agentdyno.core.trial import Trial
from agentdyno.models.cassette.cassette import Cassette
from agentdyno.models.cassette.library import CassetteLibrary, shown
from agentdyno.store.trials import TrialStore


def make_cassette(prefix: str, folder: Path, env_file: Path | None, *, force: bool) -> int:
    """Write the recording of the stored trial `prefix`; returns the exit code."""
    trial, wire = run_async(_load(prefix))
    library = CassetteLibrary(folder)
    path = library.path(trial.key)
    if path.is_file() and not force:
        raise UsageError(
            f"{shown(path)} is there already.",
            f"agentdyno cassette make {prefix} --force replaces it",
        )
    cassette = Cassette.of(trial, wire, scrub=_secrets(env_file))
    path = library.save(cassette)
    results = len(cassette.recording.results) if cassette.recording else 0
    click.echo(f"{shown(path)}: {len(cassette.calls)} model calls, {results} tool results")
    for line in cassette.head.left_out:
        click.echo(f"left out: {line}")
    return 0


async def _load(prefix: str) -> tuple[Trial, Sequence[WireRecord]]:
    async with open_database(load_settings()) as pool:
        store = TrialStore(pool)
        trial = await store.get(prefix)
        return trial, await store.wire(trial.id)


def _secrets(env_file: Path | None) -> list[str]:
    """Return the values of a file of keys."""
    if env_file is None:
        return []
    pairs = (line.partition("=") for line in env_file.read_text().splitlines())
    return [value.strip().strip("'\"") for name, _, value in pairs
            if value and not name.lstrip().startswith("#")]
