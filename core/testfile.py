"""The YAML file `*.dyno.yaml`: scenarios as tests of pytest, and what is expected of them."""

from typing import Annotated, Literal

from pydantic import Field

from agentdyno.core.check import CheckSpec
from agentdyno.core.noun import Noun
from agentdyno.core.spec import Name
from agentdyno.core.variant import Variant


class Expectation(Noun):
    """What must be true of each item's trials."""

    checks: tuple[CheckSpec, ...] = ()
    """Asked beside the scenario's own checks."""
    at_least: float = Field(default=1.0, ge=0.0, le=1.0)
    """Share of an item's trials that must pass every check."""


class PytestFile(Noun):
    """A small suite for pytest: one item for every scenario, runner and variant."""

    scenarios: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of the library, or paths relative to this file, which hold a slash; each may name an
    `.arrangement` and a `:case`."""
    runners: tuple[str, ...] = ()
    """Runners, each with an optional `@version`; every runner when empty."""
    variants: dict[Name, Variant] = Field(default_factory=dict)
    """Named changes; each is an item beside the scenario as it is."""
    trials: int = Field(default=1, ge=1, le=1000)
    """Trials of each item."""
    model: Literal["scripted", "replay"] = "scripted"
    """Where answers come from; tests ask no provider."""
    cassettes: str = Field(default="cassettes", min_length=1)
    """Folder of the recordings, relative to this file."""
    seed: int = 0
    """Seed of every seeded chance."""
    stream: bool = False
    """Whether models are asked for streamed responses."""
    timeout_s: float | None = Field(default=None, gt=0)
    """In place of the scenarios' limit, in seconds."""
    approver: Literal["auto", "deny", "script"] | None = None
    """Who decides about calls that wait, in place of whom the scenarios name."""
    marks: tuple[Name, ...] = ()
    """Markers of pytest that every item gets."""
    known: dict[str, str] = Field(default_factory=dict)
    """Runners (names without version) of which failure is known, with the reason: expected to
    fail, and a failure when they do not."""
    expect: Expectation = Expectation()
    """What must be true of the trials."""
