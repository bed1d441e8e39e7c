"""The YAML files of users: a scenario, an archetype, and what one changes in the other."""

from typing import Annotated, Any, Literal

from pydantic import Field

from agentdyno.core.approval import ApprovalPolicy, ToolReference
from agentdyno.core.check import CheckSpec
from agentdyno.core.fault import FaultSpec
from agentdyno.core.model import ModelEntry
from agentdyno.core.noun import Noun
from agentdyno.core.override import AgentOverride
from agentdyno.core.pattern import Pattern
from agentdyno.core.settings import Budget
from agentdyno.core.spec import Limits, MemoryItem, Name, Risk, ToolServer
from agentdyno.core.user import UserSpec
from agentdyno.core.variant import Variant

ServerName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,47}$")]
"""Name of a tool server: letters, digits, underscores and hyphens, at most 48 characters."""


class ArchetypeFile(Noun):
    """`agents/archetypes/NAME.yaml`; the instructions are `NAME.md` beside it."""

    title: str = Field(min_length=1)
    """What the archetype is for, in one line."""
    role: str = Field(min_length=1)
    """Who the agent is, in a few words; a Jinja template over the variables."""
    goal: str = Field(min_length=1)
    """What the agent is there to achieve; a Jinja template over the variables."""
    tools: tuple[ToolReference, ...] = ()
    """Tools given where the scenario has the server."""
    memory: Literal["none", "read", "read_write"] = "none"
    """Which of memory_search and memory_write the agent is given."""
    temperature: float | None = Field(default=0.0, ge=0.0, le=2.0)
    """Sampling temperature; null leaves the provider's default."""
    tool_choice: Literal["auto", "required", "none"] = "auto"
    """OpenAI `tool_choice` asked for on every call that offers tools."""
    parallel_tool_calls: bool = True
    """Whether the model may ask for several tools in one turn."""
    max_turns: int = Field(default=10, ge=1, le=1000)
    """Model calls the agent may make for one user turn."""
    risk_threshold: Risk = "medium"
    """Highest tool risk that the agent may use without an approval."""


class MemorySetup(Noun):
    """What a trial's memory is like when the trial starts."""

    seed: tuple[MemoryItem, ...] = ()
    """Items that are there already."""


class Arrangement(Noun):
    """Another way for the team to meet the same situation: `agentdyno run SCENARIO.ARRANGEMENT`."""

    title: str | None = Field(default=None, min_length=1)
    """In place of the scenario's title."""
    pattern: Pattern
    """How the team works together instead."""
    agents: dict[Name, AgentOverride] = Field(default_factory=dict)
    """Agents that are new, and what changes in those that are not."""
    script: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]+\.ya?ml$")
    """Rules of the scripted model in place of the scenario's, a file in the same folder."""
    limits: Limits | None = None
    """Bounds of one trial in place of the scenario's."""
    checks: tuple[CheckSpec, ...] = ()
    """What is asked beside the scenario's checks; one of the same id takes the other's place."""
    without_checks: tuple[Name, ...] = ()
    """Ids of the scenario's checks that do not apply."""


Difficulty = Literal["easy", "medium", "hard"]


class Case(Noun):
    """One instance of the situation: the same team and tools, other facts."""

    title: str | None = Field(default=None, min_length=1)
    """In place of the scenario's title."""
    vars: dict[Name, Any] = Field(default_factory=dict)
    """Variables that differ from the scenario's."""
    tags: tuple[Name, ...] = ()
    """Words beside the scenario's own."""
    difficulty: Difficulty | None = None
    """In place of the scenario's."""
    checks: tuple[CheckSpec, ...] = ()
    """What is asked beside the scenario's checks; one of the same id takes the other's place."""
    without_checks: tuple[Name, ...] = ()
    """Ids of the scenario's checks that do not apply."""


class Scenario(Noun):
    """`scenarios/NAME/scenario.yaml`: one situation, the team that meets it, and the checks."""

    name: Name
    """Identifier; in the library it is the name of the folder."""
    title: str = Field(min_length=1)
    """The situation in one line."""
    description: str = ""
    """What the scenario is there to show."""
    tags: tuple[Name, ...] = ()
    """Words to select scenarios by."""
    difficulty: Difficulty | None = None
    """How hard it is meant to be: a slice of comparisons."""
    vars: dict[Name, Any] = Field(default_factory=dict)
    """Variables of the templates in this file, in the archetypes and in the script."""
    cases: dict[Name, Case] = Field(default_factory=dict)
    """Instances of the situation, each run as trials of its own; without any, the scenario is its
    own only case. Comparisons are paired case by case."""
    verbatim: bool = False
    """Whether the texts of this file are taken as they stand, to the last space: no templates."""
    user: UserSpec
    """What the user says, turn by turn (Jinja templates over `vars`); or `replay: FILE`, the user's
    turns of a recorded conversation; or `simulate:`, a user played by a model."""
    agents: dict[Name, AgentOverride] = Field(min_length=1)
    """The team, by name."""
    pattern: Pattern
    """How the team works together."""
    arrangements: dict[Name, Arrangement] = Field(default_factory=dict)
    """Other patterns for the same situation, by name."""
    variants: dict[Name, Variant] = Field(default_factory=dict)
    """Named changes: `agentdyno run SCENARIO --variant NAME`, or `--variant all`."""
    approvals: ApprovalPolicy | None = None
    """Which tool calls wait for somebody's word; null: none."""
    report_missing_tools: bool = False
    """Whether every agent is offered the tool `report_missing_tool`."""
    models: dict[Name, ModelEntry] = Field(default_factory=dict)
    """Live models by alias, for `model` of the agents and for fallbacks; `default` is the model
    of agents that name none. The scripted model needs no entry."""
    mcpServers: dict[ServerName, ToolServer] = Field(default_factory=dict)  # noqa: N815
    """Tool servers, in the form that MCP clients share."""
    memory: MemorySetup = MemorySetup()
    """What the trial's memory is like when the trial starts."""
    limits: Limits = Limits()
    """Bounds of one trial."""
    budget: Budget = Budget()
    """What one trial may take at most; a call that would exceed it is refused."""
    checks: tuple[CheckSpec, ...] = ()
    """What is asked of the finished trial."""
    faults: tuple[FaultSpec, ...] = ()
    """What goes wrong at the wire in every trial, unless `--faults` names another plan."""
    script: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]+\.ya?ml$")
    """Rules of the scripted model, a file in the same folder."""
