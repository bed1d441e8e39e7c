"""A variant: what one arm of a comparison changes in a scenario."""

from typing import Annotated, Any

from pydantic import Field

from agentdyno.core.model import ModelEntry
from agentdyno.core.noun import Noun
from agentdyno.core.override import AgentOverride
from agentdyno.core.pattern import Pattern
from agentdyno.core.spec import Limits, Name

BASELINE = "baseline"
"""The scenario as it is; no variant may have this name."""
ALL = "all"
"""`--variant all`: the baseline and every declared variant."""

PromptReference = Annotated[str, Field(
    pattern=r"^(prompts:/[A-Za-z0-9_.-]+(@[A-Za-z0-9_.-]+|/[1-9][0-9]*)|file:[^\s].*)$"
)]
"""`prompts:/NAME@ALIAS` or `prompts:/NAME/VERSION` of the prompt registry, or `file:PATH`, relative
to the file that says so."""


class Variant(Noun):
    """A named change to a scenario; what is absent stays as it is."""

    title: str = ""
    """What it tries, in one line."""
    agents: dict[Name, AgentOverride] = Field(default_factory=dict)
    """What changes, by agent; agents that only a new `pattern` uses are given whole."""
    every_agent: AgentOverride | None = None
    """What changes in every agent of the team, before `agents`; such as the model."""
    prompts: dict[Name, PromptReference] = Field(default_factory=dict)
    """Instructions by agent, from the prompt registry or a file."""
    vars: dict[Name, Any] = Field(default_factory=dict)
    """Variables of the templates that differ from the scenario's."""
    models: dict[Name, ModelEntry] = Field(default_factory=dict)
    """Live models by alias, beside or in place of the scenario's."""
    pattern: Pattern | None = None
    """How the team works together instead."""
    limits: Limits | None = None
    """Bounds of one trial in place of the scenario's."""
    script: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]+\.ya?ml$")
    """Rules of the scripted model in place of the scenario's, a file in the scenario's folder."""


class PromptUse(Noun):
    """Which prompt an agent of a trial was given: its text before any template was rendered."""

    agent: Name
    name: str
    """Name in the prompt registry: `SCENARIO.AGENT`, unless a reference named another."""
    sha256: str
    """SHA-256 of the UTF-8 text, in hex: the same in the registry, in files and in the store."""
    version: int | None = None
    """Version in the registry, where a reference named one or led to one."""
    source: str = "scenario"
    """Where the text came from: `scenario`, `variant`, or the reference that led to it."""
