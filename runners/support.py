"""What a runner declares about patterns. Declarations import nothing of the framework, so that the
harness can tell what a runner does without starting it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentdyno.core.pattern import Pattern
from agentdyno.core.spec import AgentSpec


@dataclass(frozen=True, kw_only=True)
class Support:
    """How a runner executes a pattern."""

    kind: Literal["native", "composed", "unsupported"]
    how: str
    """What is done with the classes when native, the composition when composed, the reason when
    unsupported; one sentence without a full stop."""
    classes: tuple[str, ...] = ()
    """Dotted paths (`package.module.Name`) of what the framework offers for it and the adapter
    uses; there when native. A test imports each."""


def native(how: str, *classes: str) -> Support:
    """The framework has a construct for the pattern: `classes`."""
    return Support(kind="native", how=how, classes=classes)


def composed(how: str, *classes: str) -> Support:
    """The adapter builds the pattern of the framework's primitives `classes`, as `how` says."""
    return Support(kind="composed", how=how, classes=classes)


def unsupported(why: str) -> Support:
    """The runner does not execute the pattern."""
    return Support(kind="unsupported", how=why)


Refuses = Callable[[Pattern, Sequence[AgentSpec]], str | None]
"""Returns why a particular team cannot be built although its pattern is supported; null when it
can."""


@dataclass(frozen=True, kw_only=True)
class TeamWork:
    """How a runner runs teams, as data."""

    patterns: Mapping[str, Support]
    """Support by pattern name; one that is absent is unsupported."""
    hook: str
    """The framework's documented hook through which Message and Step events come; "" when there
    is none and they are derived from the wire."""
    refuses: Refuses = lambda pattern, agents: None

    def support(self, pattern: Pattern, agents: Sequence[AgentSpec]) -> Support:
        """Return how this team would be executed."""
        declared = self.patterns.get(pattern.type, unsupported("the runner does not declare it"))
        if declared.kind == "unsupported":
            return declared
        reason = self.refuses(pattern, agents)
        return declared if reason is None else unsupported(reason)
