"""What the promotion log says: which variant stands under an alias of the prompt registry."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from agentdyno.core.noun import Noun
from agentdyno.core.variant import Variant

PRODUCTION = "production"
"""Alias of the prompts that are in use."""
CANDIDATE = "candidate"
"""Alias of the prompts that somebody approved last."""
STANDING = (PRODUCTION, CANDIDATE)
"""Aliases that the log moves; each is a variant of every scenario that has prompts there."""

PromotionKind = Literal["approve", "promote", "rollback"]
PromotionState = Literal["done", "abandoned", "unfinished"]


class PromptVersion(Noun):
    """One version of a prompt in the registry."""

    version: int = Field(ge=1)
    sha256: str
    """SHA-256 of its UTF-8 text, in hex."""


class Installed(Noun):
    """What stands under an alias for one scenario."""

    variant: str = ""
    """Name of the variant; "" where nothing stood there, or nobody told the log."""
    experiment: str = ""
    """Experiment that the variant is of."""
    prompts: dict[str, PromptVersion] = Field(default_factory=dict)
    """Version of every prompt, by its name in the registry."""
    change: Variant | None = None
    """What the variant changes beside prompts; null where it changes nothing else."""


class PromotionDraft(Noun):
    """An entry of the log before it is written."""

    kind: PromotionKind
    alias: str
    """Alias that it moves."""
    experiment: str
    definition: str
    """Digest of the experiment's definition."""
    variant: str
    digest: str
    """Digest of what the variant makes of its scenarios."""
    scenarios: tuple[str, ...] = Field(min_length=1)
    who: str = Field(min_length=1)
    reason: str = ""
    was: dict[str, Installed]
    """By scenario, what stood under the alias before."""
    becomes: dict[str, Installed]
    """By scenario, what stands there when it is done."""
    verdict: dict[str, Any] | None = None
    """What the experiment had shown, as it was then."""
    evidence: tuple[str, ...] = ()
    """Runs that showed it."""
    approval: int | None = None
    """Entry that approved it."""
    undoes: int | None = None
    """Entry that a rollback takes back."""


class PromotionRow(PromotionDraft):
    """One entry of the log, with how it ended."""

    id: int
    at: datetime
    state: PromotionState = "unfinished"
    ended_at: datetime | None = None
    ended_by: str = ""
    """Who wrote the outcome; another than `who` where it was repaired."""
    detail: str = ""
    """What is to be said about the outcome."""
