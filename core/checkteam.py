"""Checks of how a team went about its work."""

from typing import Literal, Self

from pydantic import Field, model_validator

from agentdyno.core.checkbase import Check, ToolName
from agentdyno.core.noun import Noun
from agentdyno.core.spec import Name


class NoDuplicatesCheck(Check):
    """No call with a side effect was done again with the same arguments.

    A call is done when it succeeded, or when only its answer was lost (a timeout). Tools that say
    `readOnlyHint` or `idempotentHint` have no effect to double; a tool that says nothing has.
    """

    type: Literal["no_duplicates"]
    tools: tuple[ToolName, ...] = ()
    """Only calls of these tools count, whatever they say of themselves; of all tools when empty."""
    agent: Name | None = None
    """Only calls of this agent count; every agent's when absent."""
    max: int = Field(default=1, ge=1)
    """How often the same call may be done."""


class PermissionCheck(Check):
    """No agent called a tool that it may not use.

    That is a tool that it was not given (`not_allowed`), or a call that the approver rejected
    (`rejected`).
    """

    type: Literal["permission"]
    agent: Name | None = None
    """Only calls of this agent count; every agent's when absent."""
    kinds: tuple[Literal["not_allowed", "rejected"], ...] = Field(
        default=("not_allowed", "rejected"), min_length=1
    )
    """Refusals that count."""


class Way(Noun):
    """From one agent to another."""

    source: Name
    """Who passes control or a task on."""
    target: Name
    """Who gets it."""


class PathCheck(Check):
    """The team went the way that it should: who spoke, in which order, how often, without loops.

    Read off the messages and steps that the runner declares, or that the wire shows.
    """

    type: Literal["path"]
    agents: tuple[Name, ...] = ()
    """Agents that must each have spoken."""
    order: Literal["any", "within", "exact"] = "any"
    """Whether `agents` must have spoken in this order: `within`, others may speak between; `exact`,
    nobody else, an agent that speaks twice in a row counting once."""
    silent: tuple[Name, ...] = ()
    """Agents that must not have spoken."""
    handoffs: tuple[Way, ...] = ()
    """Control that must have been passed, in this order; other handoffs may lie between."""
    delegations: tuple[Way, ...] = ()
    """Tasks that must have been given, in this order; other delegations may lie between."""
    max_messages: int | None = Field(default=None, ge=0)
    """Most messages of all agents together."""
    min_rounds: int | None = Field(default=None, ge=0)
    """Fewest rounds of a conversation or loop."""
    max_rounds: int | None = Field(default=None, ge=0)
    """Most rounds of a conversation or loop."""
    max_handoffs: int | None = Field(default=None, ge=0)
    """Most times that control was passed."""
    max_delegations: int | None = Field(default=None, ge=0)
    """Most tasks that were given."""
    max_loops: int | None = Field(default=None, ge=0)
    """Most loops. A loop is the same work done again and again: up to 20 messages, tool calls,
    handoffs or delegations in a row, word for word and with the same arguments, that follow
    themselves directly, `loop_repeats` times in all."""
    loop_repeats: int = Field(default=3, ge=2, le=100)
    """From how many times on the same work is a loop."""

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.model_fields_set <= {"id", "type", "order", "loop_repeats"}:
            raise ValueError("asks nothing; give agents, silent, handoffs, max_rounds, ...")
        if self.order != "any" and not self.agents:
            raise ValueError("`order` is the order of `agents`; name them")
        least, most = self.min_rounds, self.max_rounds
        if least is not None and most is not None and least > most:
            raise ValueError(f"min_rounds {least} is more than max_rounds {most}")
        return self


class CitationsCheck(Check):
    """The sources that the answers name are there: tools that were called, or what they returned.

    A source is `[mandate.md]`, `[text](target)`, `(server.tool)` or an address.
    """

    type: Literal["citations"]
    at_least: float = Field(default=1.0, ge=0, le=1)
    """Least share of the named sources that must be found."""
    min: int = Field(default=1, ge=0)
    """Fewest different sources that the answers must name."""


class ConfidenceCheck(Check):
    """The figure of confidence (`agentdyno confidence`) is high enough.

    It comes from signals of the trial alone, never from other checks. A trial that gives no ground
    for a figure is an error.
    """

    type: Literal["confidence"]
    at_least: float = Field(gt=0, le=1)
    """Least confidence."""
