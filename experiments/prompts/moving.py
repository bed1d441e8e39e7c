"""Prompts between scenarios, files and the registry."""

import difflib
from collections.abc import Sequence
from pathlib import Path

from agentdyno.core.errors import UsageError
from agentdyno.core.settings import Settings
from agentdyno.core.yamlproblem import nearest
from agentdyno.experiments.prompts.answers import Answered
from agentdyno.experiments.prompts.files import PromptFiles, read_text
from agentdyno.experiments.prompts.registry import CompanionRegistry
from agentdyno.experiments.prompts.resolve import parse
from agentdyno.experiments.variants import variants_of

_SCHEME = "prompts:/"


async def pull(
    registry: CompanionRegistry, files: PromptFiles, names: Sequence[str]
) -> tuple[dict[str, list[Answered]], list[Path]]:
    """Write prompts to files; returns them, and the files whose text is new.

    Raises:
        UsageError: the registry has no such prompt.
        RegistryAway: it cannot be asked.
    """
    found = await registry.versions(names)
    for name in names:
        if not found[name]:
            raise await _unknown(registry, name)
    return found, files.write(found)


async def push_scenarios(
    registry: CompanionRegistry, settings: Settings, names: Sequence[str], variants: Sequence[str]
) -> dict[str, list[Answered]]:
    """Register the instructions of scenarios in each of `variants`; returns the versions by name.

    Raises:
        UsageError: an unknown scenario or variant.
        InputError: the scenario holds problems.
        RegistryAway: the registry cannot be asked.
    """
    done: dict[str, list[Answered]] = {}
    for name in names:
        for variant, loaded in await variants_of(name, variants, settings):
            scenario = loaded.scenario.name
            texts = {f"{scenario}.{agent}": text for agent, text in loaded.prompts.items()}
            for one in (await registry.register(texts, f"{variant} of {scenario}")).values():
                known = done.setdefault(one.name, [])
                if one.version not in [other.version for other in known]:
                    known.append(one)
    return done


async def push_files(
    registry: CompanionRegistry, files: PromptFiles
) -> dict[str, list[tuple[int, Answered]]]:
    """Register every pulled text; returns by name the version that it had and the one it has.

    Raises:
        UsageError: nothing was pulled.
        InputError: a file is not what was pulled.
        RegistryAway: the registry cannot be asked.
    """
    lock = files.lock()
    if not lock.prompts:
        raise UsageError(f"no prompt was ever pulled to {files.folder}/.", "agentdyno prompt pull")
    done: dict[str, list[tuple[int, Answered]]] = {}
    for name, locked in lock.prompts.items():
        for version in sorted(locked.versions):
            one = files.find(name, version)
            assert one is not None, "the lock has it"
            made = await registry.register({name: one.text}, "pushed from a file")
            done.setdefault(name, []).append((version, made[name]))
    return done


async def text_of(registry: CompanionRegistry, reference: str) -> tuple[str, str]:
    """Return the text that a reference means, and what it is called.

    Args:
        reference: a file, `NAME@ALIAS`, `NAME/VERSION`, or `NAME` for the newest version; each
            prompt with `prompts:/` before it if you like.

    Raises:
        UsageError: there is no such prompt or version.
        InputError: the file cannot be read.
        RegistryAway: the registry cannot be asked.
    """
    if (path := _file(reference)) is not None:
        return read_text(path), str(path)
    name = reference.removeprefix(_SCHEME)
    if "@" not in name and not name.rpartition("/")[2].isdigit():
        versions = (await registry.versions([name]))[name]
        if not versions:
            raise await _unknown(registry, name)
        return versions[-1].text, f"{name}/{versions[-1].version}"
    wanted = parse(f"{_SCHEME}{name}")
    [found] = await registry.find([wanted])
    if found is None:
        versions = (await registry.versions([wanted[0]]))[wanted[0]]
        if not versions:
            raise await _unknown(registry, wanted[0])
        aliases = [alias for one in versions for alias in one.aliases]
        there = ", ".join([*aliases, *(str(one.version) for one in versions)])
        raise UsageError(f"prompt {wanted[0]!r} has no version {wanted[1]!r}; it has {there}.",
                         "agentdyno prompt list")
    return found.text, f"{found.name}/{found.version}"


def _file(reference: str) -> Path | None:
    path = Path(reference.removeprefix("file:"))
    return path if path.is_file() else None


def difference(one: tuple[str, str], other: tuple[str, str]) -> list[str]:
    """Return the unified difference of two texts with their names, line by line."""
    told = difflib.unified_diff(
        one[0].splitlines(keepends=True), other[0].splitlines(keepends=True),
        fromfile=one[1], tofile=other[1],
    )
    return [
        line.removesuffix("\n") if line.endswith("\n") else f"{line}\n\\ No newline at end of file"
        for line in told
    ]


async def _unknown(registry: CompanionRegistry, name: str) -> UsageError:
    names = (await registry.ask([{"do": "names"}]))[0]
    return UsageError(
        f"the registry has no prompt {name!r}{nearest(name, names)}.", "agentdyno prompt list"
    )
