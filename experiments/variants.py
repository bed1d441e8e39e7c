"""Scenarios in the variants that a run asks for: the baseline, and what is changed in it."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentdyno.core.settings import Settings
from agentdyno.core.variant import BASELINE, PromptUse, Variant
from agentdyno.scenarios.loader import LoadedScenario, load_cases
from agentdyno.scenarios.variants import chosen

ALIASES = ("production", "candidate")
"""Aliases of the prompt registry, which are variants of every scenario that has prompts there."""


@dataclass(frozen=True, kw_only=True)
class Declared:
    """Variants that one file declares."""

    variants: Mapping[str, Variant]
    folder: Path
    """Where `file:` prompts are looked for."""
    owner: str
    """What declares them, as a user would call it."""


async def variants_of(
    name: str, names: Sequence[str], settings: Settings, declared: Declared | None = None
) -> Iterable[tuple[str, LoadedScenario]]:
    """Return every case of a scenario in each of the variants `names`, with the variant's name.

    Args:
        names: variants, or `all`; none is the baseline alone. `production` and `candidate` are
            the prompts that the registry has under these aliases, unless they are declared.
        declared: variants in place of those that the scenario itself declares.

    Raises:
        UsageError: an unknown scenario or variant, or a prompt that cannot be had.
        InputError: the scenario, or what a variant makes of it, holds problems.
    """
    baseline = load_cases(name)
    first = baseline[0]
    found = declared or Declared(
        variants=first.scenario.variants, folder=first.folder,
        owner=f"scenario {first.scenario.name!r}",
    )
    standing = await _standing(names, found, baseline, settings)
    made: list[tuple[str, LoadedScenario]] = []
    wanted = chosen(names or (BASELINE,), {**found.variants, **standing}, owner=found.owner)
    for variant, changes in wanted.items():
        if variant == BASELINE and BASELINE not in found.variants:
            made += [(variant, loaded) for loaded in baseline]
            continue
        changes, sources = await _with_prompts(changes, settings, found.folder)
        made += [
            (variant, dataclasses.replace(loaded, prompt_sources=sources))
            for loaded in load_cases(name, variant=changes)
        ]
    return made


async def _standing(
    names: Sequence[str], found: Declared, baseline: Sequence[LoadedScenario], settings: Settings
) -> dict[str, Variant]:
    wanted = [name for name in names if name in ALIASES and name not in found.variants]
    if not wanted:
        return {}
    from agentdyno.experiments.prompts.resolve import standing_variant

    return {alias: await standing_variant(alias, baseline[0], settings) for alias in wanted}


async def _with_prompts(
    changes: Variant, settings: Settings, folder: Path
) -> tuple[Variant, Mapping[str, PromptUse]]:
    """Return the variant with its prompts as instructions of `agents`, and where they came from."""
    if not changes.prompts:
        return changes, {}
    from agentdyno.experiments.prompts.resolve import resolve

    return await resolve(changes, settings, folder)
