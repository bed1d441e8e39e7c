"""Recordings that no run would play any more."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import click

from agentdyno.cli.context import load_settings
from agentdyno.core.errors import DynoError
from agentdyno.core.trial import TrialKey
from agentdyno.experiments.plan import scenario_digest
from agentdyno.models.cassette.library import CassetteLibrary, read_head, shown
from agentdyno.runners.registry import list_runners
from agentdyno.scenarios.loader import (
    FILE,
    LoadedScenario,
    list_scenarios,
    load_cases,
    load_scenario,
)

_PLACES = (FILE, f"*/{FILE}", f"scenarios/*/{FILE}")
"""Where scenarios of the user are looked for, below the working folder."""


def prune_folder(folder: Path, scenarios: Sequence[str], *, yes: bool) -> int:
    """Show, or with `yes` delete, what no run would play any more; returns the exit code."""
    known = dict(_scenarios(scenarios))
    stale: list[tuple[Path, str]] = []
    for path in CassetteLibrary(folder).files():
        try:
            reason = _reason(read_head(path).key, known)
        except DynoError as error:
            click.echo(f"kept, though it cannot be read: {shown(path)} "
                       f"({error.message.splitlines()[0]})")
            continue
        if reason:
            stale.append((path, reason))
    for path, reason in stale:
        if yes:
            path.unlink()
        click.echo(f"{'deleted' if yes else 'would delete'} {shown(path)}: {reason}")
    if not stale:
        click.echo("every recording is of a scenario and a runner that there are")
    elif not yes:
        click.echo("nothing was deleted; to delete them: agentdyno cassette prune --yes")
    return 0


def _scenarios(more: Sequence[str]) -> Iterator[tuple[str, LoadedScenario]]:
    here = [path for pattern in _PLACES for path in sorted(Path.cwd().glob(pattern))]
    places: list[str | Path] = [*list_scenarios(), *here]
    for place in places:
        try:
            yield from _situations(place)
        except DynoError as error:
            click.echo(f"passed over: {place} ({error.message.splitlines()[0]})", err=True)
    for place in more:
        yield from _situations(place)


def _situations(place: str | Path) -> Iterator[tuple[str, LoadedScenario]]:
    """Yield every arrangement of a scenario in every case, by what a trial's key calls it."""
    arrangements = load_scenario(place).scenario.arrangements
    for loaded in chain(load_cases(place), *(load_cases(f"{place}.{a}") for a in arrangements)):
        yield loaded.situation, loaded


def _reason(key: TrialKey, known: Mapping[str, LoadedScenario]) -> str | None:
    """Return why the recording of `key` is of no use any more; None when it is."""
    runners = [row.name for row in list_runners()]
    if key.runner not in runners:
        return f"there is no runner {key.runner}"
    scenario = known.get(key.situation)
    if scenario is None:
        return (f"scenario {key.situation} is neither in the library nor below this folder "
                "(--scenario PATH names another place)")
    limits, model = scenario.scenario.limits, load_settings().embeddings_model
    if key.scenario_digest in {scenario_digest(scenario, limits, e) for e in (None, model)}:
        return None
    return f"scenario {key.situation} has changed since, or was recorded with other limits"
