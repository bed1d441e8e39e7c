"""Variants whose prompts are references: the texts that they lead to, and from where."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentdyno.core.errors import UsageError
from agentdyno.core.override import AgentOverride
from agentdyno.core.promotion import Installed
from agentdyno.core.settings import Settings
from agentdyno.core.variant import PromptUse, Variant
from agentdyno.experiments.prompts.answers import Answered
from agentdyno.experiments.prompts.files import FOLDER, PromptFiles, read_text
from agentdyno.experiments.prompts.registry import CompanionRegistry, Registry, RegistryAway
from agentdyno.scenarios.digest import text_digest
from agentdyno.scenarios.loader import LoadedScenario
from agentdyno.scenarios.paths import shown
from agentdyno.store.opening import open_database
from agentdyno.store.promotions import PromotionLog

_SCHEME, _FILE = "prompts:/", "file:"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A prompt that a reference led to."""

    prompt: Answered
    away: str = ""
    """Why it is from a file, where the registry could not be asked."""


def parse(reference: str) -> tuple[str, int | str]:
    """Return name and version or alias of `prompts:/NAME@ALIAS` or `prompts:/NAME/VERSION`."""
    name, at, alias = reference.removeprefix(_SCHEME).partition("@")
    if at:
        return name, alias
    name, _, version = name.rpartition("/")
    return name, int(version)


class Prompts:
    """References to prompts: the registry's, or what was pulled of it while it is away."""

    def __init__(self, registry: Registry, files: PromptFiles) -> None:
        self._registry = registry
        self._files = files
        self._seen: dict[tuple[str, int], Found] = {}

    async def find(self, wanted: Sequence[tuple[str, int | str]]) -> list[Found | None]:
        """Return the prompts of (name, version or alias); None for what is not there.

        That files stand in for the registry is said in the log.

        Raises:
            RegistryAway: the registry cannot be asked, and nothing was pulled.
            InputError: a pulled file is not what was pulled.
        """
        known = [
            self._seen.get((name, key)) if isinstance(key, int) else None for name, key in wanted
        ]
        if all(known):
            return list(known)
        try:
            answers = await self._registry.find(wanted)
            found = [None if one is None else Found(prompt=one) for one in answers]
        except RegistryAway as away:
            found = self._from_files(wanted, away)
        for one in found:
            if one is not None:
                self._seen[one.prompt.name, one.prompt.version] = one
        return found

    def _from_files(
        self, wanted: Sequence[tuple[str, int | str]], away: RegistryAway
    ) -> list[Found | None]:
        lock = self._files.lock()
        if not lock.prompts:
            raise away
        answers = [self._files.find(name, key) for name, key in wanted]
        _log.warning(
            "%s\n  prompts are those of %s, as pulled at %s",
            away.message, shown(self._files.folder), lock.pulled_at,
        )
        return [
            None if one is None else Found(prompt=one, away=away.message) for one in answers
        ]


_opened: dict[tuple[Path, str | None, bool, Path], Prompts] = {}


def prompts_of(settings: Settings) -> Prompts:
    """Return the prompts that references mean in this process; what was found once is kept."""
    where = (settings.cache, settings.mlflow_uri, settings.mlflow, Path.cwd())
    if where not in _opened:
        _opened[where] = Prompts(CompanionRegistry(settings), PromptFiles())
    return _opened[where]


async def resolve(
    changes: Variant, settings: Settings, folder: Path
) -> tuple[Variant, Mapping[str, PromptUse]]:
    """Return a variant with its prompts as instructions of `agents`, and where they came from.

    Args:
        changes: the variant.
        settings: where the registry is.
        folder: what `file:` is relative to.

    Raises:
        UsageError: a reference leads to nothing.
        InputError: a file cannot be read, or is not what was pulled.
        RegistryAway: the registry cannot be asked, and nothing was pulled.
    """
    uses: dict[str, PromptUse] = {}
    texts: dict[str, str] = {}
    for agent, reference in changes.prompts.items():
        if reference.startswith(_FILE):
            texts[agent] = read_text(folder / reference.removeprefix(_FILE))
            uses[agent] = PromptUse(
                agent=agent, name="", sha256=text_digest(texts[agent]), source=reference
            )
    asked = {agent: ref for agent, ref in changes.prompts.items() if agent not in uses}
    prompts = prompts_of(settings)
    found = await prompts.find([parse(ref) for ref in asked.values()]) if asked else []
    for (agent, reference), one in zip(asked.items(), found, strict=True):
        if one is None:
            raise UsageError(
                f"there is no prompt {reference} for agent {agent!r}, neither in the registry "
                f"nor in {FOLDER}/.", "agentdyno prompt list",
            )
        texts[agent] = one.prompt.text
        uses[agent] = _use(agent, reference, one)
    agents = dict(changes.agents)
    for agent, text in texts.items():
        given = agents.get(agent, AgentOverride())
        if given.instructions is not None:
            raise UsageError(
                f"the variant gives agent {agent!r} instructions, and the prompt "
                f"{changes.prompts[agent]} beside them.", "leave one of the two out",
            )
        agents[agent] = given.model_copy(update={"instructions": text})
    return changes.model_copy(update={"prompts": {}, "agents": agents}), uses


def _use(agent: str, reference: str, found: Found) -> PromptUse:
    prompt = found.prompt
    source = reference
    if found.away:
        path = shown(FOLDER / prompt.name / f"v{prompt.version}.md")
        source = f"{reference}, from {path}: {found.away}"
    return PromptUse(agent=agent, name=prompt.name, sha256=prompt.sha256, version=prompt.version,
                     source=source)


async def standing_variant(alias: str, baseline: LoadedScenario, settings: Settings) -> Variant:
    """Return what stands under `alias` for a scenario: its agents' prompts, and whatever else the
    promoted variant changes.

    Raises:
        UsageError: no agent of the scenario has a prompt there.
        RegistryAway: the registry cannot be asked, and nothing was pulled.
    """
    scenario = baseline.scenario.name
    async with open_database(settings) as pool:
        head = await PromotionLog(pool).head([scenario], alias)
    logged = head.becomes.get(scenario, Installed()) if head else Installed()
    own = {f"{scenario}.{agent.name}": agent.name for agent in baseline.agents}
    own |= {name: name.removeprefix(f"{scenario}.") for name in logged.prompts}
    found = await prompts_of(settings).find([(name, alias) for name in own])
    there = {one.prompt.name: one.prompt for one in found if one is not None}
    if not there:
        raise UsageError(
            f"no agent of scenario {scenario!r} has a prompt under the alias {alias!r}.",
            "agentdyno experiment approve, then promote; or agentdyno prompt list",
        )
    references = {
        own[name]: f"{_SCHEME}{name}/{prompt.version}" for name, prompt in there.items()
    }
    change = logged.change
    if change is None:
        return Variant(prompts=references)
    if {name: one.version for name, one in there.items()} != {
        name: one.version for name, one in logged.prompts.items()
    }:
        _log.warning(
            "%s of scenario %s was moved outside agentdyno since promotion %s: its prompts are "
            "used, and nothing else of that variant", alias, scenario, head.id if head else "?",
        )
        return Variant(prompts=references)
    return change.model_copy(update={"prompts": references})
