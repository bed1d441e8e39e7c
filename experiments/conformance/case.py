"""Cases: a tiny team, what the scripted model says for it, and what must come of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field

from agentdyno.core.check import CheckSpec, Regex
from agentdyno.core.event import StepAction
from agentdyno.core.noun import Noun
from agentdyno.core.pattern import PATTERNS, Pattern, pattern_agents
from agentdyno.core.spec import AgentSpec, Limits, Name
from agentdyno.core.yamlfile import load_yaml, validate_model
from agentdyno.models.script import Script, load_script

FOLDER = Path(__file__).with_name("cases")
WORD = "k7"
"""What the cases are about."""
MAIN = "answer"
"""The case that every pattern has: the team does what it is there for."""
STREAMED = "streamed"
"""The same with streamed answers."""
TIMEOUT_S = 60.0
"""Seconds that a case may take."""


class Said(Noun):
    """A text that must be declared as a Message."""

    agent: Name
    text: str
    """The whole text, to the letter."""
    to: tuple[Name, ...] | None = None
    """Whom the message must name; null leaves that to the framework."""


class Stage(Noun):
    """A stage that must be declared as a Step."""

    action: StepAction
    agent: Name | None = None
    to: Name | None = None
    name: str | None = None
    """Text that the step's name must contain; null: whatever the framework calls it."""
    round: int | None = None


class Member(Noun):
    """An agent of a case, where it is not the plainest one possible."""

    tools: tuple[str, ...] = ()
    instructions: str = ""
    """Added to what every agent of the cases is told."""
    max_turns: int = 10


class Told(Noun):
    """Words about a failure that must come to an agent, unless the failure ends the trial."""

    agent: Name
    words: Regex
    """What a tool's result shown to the agent must match, or else the reason of the trial's end."""


class CaseSpec(Noun):
    """One situation that the team is put into."""

    title: str
    """What happens, in one line."""
    user: tuple[str, ...]
    """The user's turns."""
    pattern: dict[str, Any] = Field(default_factory=dict)
    """Parameters of the pattern that are other than in the file's."""
    agents: dict[Name, Member] = Field(default_factory=dict)
    """Members in place of the file's."""
    ends: tuple[str, ...] = ("completed",)
    """Outcomes that are right."""
    checks: tuple[CheckSpec, ...] = ()
    """What the answers must be like."""
    calls: dict[Name, int] = Field(default_factory=dict)
    """Model calls by agent; agents that are absent may make any number."""
    at_most: dict[Name, int] = Field(default_factory=dict)
    """Most model calls by agent."""
    said: tuple[Said, ...] | None = None
    """All messages of the trial; null where that is no requirement."""
    steps: tuple[Stage, ...] | None = None
    """All steps of the actions that are named here, in order."""
    ordered: bool = True
    """Whether the order of messages and steps is certain; not where agents work side by side."""
    sees: dict[Name, tuple[str, ...]] = Field(default_factory=dict)
    """What each agent must see at least; see `sight.py`."""
    blind: dict[Name, tuple[str, ...]] = Field(default_factory=dict)
    """What each agent must not see."""
    gets: dict[Name, tuple[str, ...]] = Field(default_factory=dict)
    """Texts that must come to each agent to the letter."""
    told: Told | None = None
    """How a failure is told."""
    asked_again: Name | None = None
    """Selector that names somebody who cannot be chosen, and must be asked again."""
    together: tuple[Name, ...] = ()
    """Agents whose first model calls must be in flight at the same time."""
    stream: bool = False
    """Whether answers are streamed."""


class CaseFile(Noun):
    """`cases/PATTERN/cases.yaml`: a team and the situations that it is put into."""

    pattern: Pattern
    agents: dict[Name, Member]
    figures: dict[Name, str] = Field(default_factory=dict)
    """By agent, what the calculator tells it and nobody else."""
    cases: dict[Name, CaseSpec]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case, ready to be played."""

    pattern: Pattern
    name: str
    spec: CaseSpec
    agents: tuple[AgentSpec, ...]
    figures: Mapping[str, str]
    script: Script

    @property
    def id(self) -> str:
        """Return `PATTERN.CASE`."""
        return f"{self.pattern.type}.{self.name}"

    def about(self, word: str) -> "Case":
        """Return the same case about `word` instead of `k7`."""
        spec = CaseSpec.model_validate_json(self.spec.model_dump_json().replace(WORD, word))
        return replace(self, spec=spec)

    def agent(self, name: str) -> AgentSpec:
        """Return the spec of agent `name`; raises KeyError when the case has none."""
        return {spec.name: spec for spec in self.agents}[name]

    @property
    def limits(self) -> Limits:
        """Return the bounds of a trial of this case, which a sane runner never meets."""
        return Limits(timeout_s=TIMEOUT_S, max_model_calls=60, max_tool_calls=60)


@cache
def cases_of(pattern: str) -> Mapping[str, Case]:
    """Return the cases of `pattern` by name.

    Raises:
        InputError: the files hold problems.
    """
    document = load_yaml(FOLDER / pattern / "cases.yaml", f"cases/{pattern}/cases.yaml")
    file = validate_model(document, CaseFile)
    names = pattern_agents(file.pattern)
    script = load_script(
        FOLDER / pattern / "script.yaml", names, {}, f"cases/{pattern}/script.yaml"
    )
    streamed = file.cases[MAIN].model_copy(update={"stream": True})
    specs = {MAIN: file.cases[MAIN], STREAMED: streamed, **file.cases}
    return {name: _case(file, name, spec, script) for name, spec in specs.items()}


def all_cases() -> tuple[Case, ...]:
    """Return every case, pattern by pattern."""
    return tuple(case for pattern in PATTERNS for case in cases_of(pattern).values())


def _case(file: CaseFile, name: str, spec: CaseSpec, script: Script) -> Case:
    changed = {**file.pattern.model_dump(exclude_unset=True), **spec.pattern}
    pattern = type(file.pattern).model_validate(changed)
    members = {**file.agents, **spec.agents}
    return Case(
        pattern=pattern, name=name, spec=spec, figures=file.figures, script=script,
        # Each has a temperature of its own, which its calls must carry.
        agents=tuple(
            _agent(agent, members[agent], round(0.1 * at, 1))
            for at, agent in enumerate(pattern_agents(pattern))
        ),
    )


def _agent(name: str, member: Member, temperature: float) -> AgentSpec:
    told = " ".join(filter(None, (f"You are the {name}.", member.instructions, f"{name}-private.")))
    return AgentSpec(
        name=name, role=f"{name} of the team", goal="do what is asked", instructions=told,
        tools=member.tools, max_turns=member.max_turns, temperature=temperature,
    )
