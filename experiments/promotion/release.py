"""What would be promoted of a variant: its prompts, and what it changes beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from agentdyno.core.canonical import content_hash
from agentdyno.core.errors import UsageError
from agentdyno.core.override import AgentOverride
from agentdyno.core.promotion import Installed, PromptVersion
from agentdyno.core.variant import Variant
from agentdyno.experiments.prompts.answers import LONGEST
from agentdyno.scenarios.digest import text_digest

_TEXTS = {"instructions", "append"}


@dataclass(frozen=True, kw_only=True)
class Part:
    """What a variant makes of one scenario."""

    texts: Mapping[str, str]
    """Instructions before any template was rendered, by their names in the registry."""
    change: Variant | None
    """What it changes beside them; null for nothing."""

    @property
    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each text."""
        return {name: text_digest(text) for name, text in self.texts.items()}


@dataclass(frozen=True, kw_only=True)
class Release:
    """A variant of an experiment, with nothing left to resolve."""

    experiment: str
    definition: str
    """Digest of the experiment's definition."""
    variant: str
    parts: Mapping[str, Part]
    """By scenario."""

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Return the scenarios in alphabetical order."""
        return tuple(sorted(self.parts))

    @property
    def texts(self) -> dict[str, str]:
        """Return all prompts by name."""
        return {name: text for part in self.parts.values() for name, text in part.texts.items()}

    @cached_property
    def digest(self) -> str:
        """The content hash of all that would be promoted: who approves, approves this."""
        return content_hash({
            scenario: [part.hashes, part.change and _dumped(part.change)]
            for scenario, part in self.parts.items()
        })

    def standings(self, versions: Mapping[str, PromptVersion]) -> dict[str, Installed]:
        """Return by scenario what stands once `versions` are what the alias means."""
        return {
            scenario: Installed(
                variant=self.variant, experiment=self.experiment, change=part.change,
                prompts={name: versions[name] for name in part.texts},
            )
            for scenario, part in self.parts.items()
        }


def release(
    experiment: str, definition: str, variant: str, prompts: Mapping[str, str],
    changes: Mapping[str, Variant],
) -> Release:
    """Return what is to be promoted.

    Args:
        experiment: its name.
        definition: digest of its definition.
        variant: name of the variant.
        prompts: instructions before any template was rendered, by `scenario.agent`.
        changes: by scenario, the variant; its instructions and references are not looked at.

    Raises:
        UsageError: a prompt is longer than the registry keeps.
    """
    for name, text in prompts.items():
        if len(text) > LONGEST:
            raise UsageError(
                f"the prompt {name} has {len(text)} characters; the registry keeps {LONGEST} at "
                "most.", "shorten it, and run the experiment again",
            )
    return Release(experiment=experiment, definition=definition, variant=variant, parts={
        scenario: Part(change=beside_prompts(change), texts={
            name: text for name, text in prompts.items() if name.rpartition(".")[0] == scenario
        })
        for scenario, change in changes.items()
    })


def beside_prompts(variant: Variant) -> Variant | None:
    """Return what a variant changes beside instructions; None for nothing."""
    every = None if variant.every_agent is None else _without_texts(variant.every_agent)
    agents = {
        name: rest for name, given in variant.agents.items()
        if (rest := _without_texts(given)) is not None
    }
    kept = variant.model_dump(
        exclude={"title", "prompts", "agents", "every_agent"}, exclude_defaults=True,
    )
    if not (kept or agents or every):
        return None
    return variant.model_copy(
        update={"title": "", "prompts": {}, "agents": agents, "every_agent": every}
    )


def _without_texts(given: AgentOverride) -> AgentOverride | None:
    kept = given.model_fields_set - _TEXTS
    return AgentOverride(**{name: getattr(given, name) for name in kept}) if kept else None


def _dumped(change: Variant) -> dict[str, object]:
    return change.model_dump(mode="json", exclude_unset=True)
