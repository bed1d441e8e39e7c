"""What a host gives the engine, and every part of a run shares."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from agentdyno.runners.openflow.attributes import JsonObject
from agentdyno.runners.openflow.document import Flow
from agentdyno.runners.openflow.evaluator import Evaluator
from agentdyno.runners.openflow.happenings import Observe
from agentdyno.runners.openflow.outcome import StepExecutor
from agentdyno.runners.openflow.scope import References

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Suspension:
    """A flow waits; what whoever resumes it should know."""

    step_id: str
    """The step after which it waits."""
    result: Any
    """The step's result."""
    required_events: int
    """Approvals that it waits for."""
    timeout_s: float
    """Seconds until the wait fails."""
    form: JsonObject
    """JSON Schema of the payload that is asked for."""
    user_auth_required: bool
    """The host answers for these three: the engine knows no users."""
    user_groups_required: tuple[str, ...]
    self_approval_disabled: bool


@dataclass(frozen=True, kw_only=True)
class Resume:
    """Somebody's word about a waiting flow."""

    approver: str
    """Who said it."""
    approved: bool = True
    """False is a disapproval, which ends the wait."""
    payload: Any = None
    """JSON that the next module sees as `resume`."""


ResumeSource = Callable[[Suspension], AsyncGenerator[Resume, None]]
"""Yields what people say, as it comes; when it ends, nobody will say anything more."""


@dataclass(frozen=True, kw_only=True)
class Means:
    """See `FlowEngine`."""

    executor: StepExecutor
    evaluator: Evaluator
    references: References
    observe: Observe
    sleep: Sleep
    random: Random
    resumes: ResumeSource | None
    max_iterations: int
    flows: Mapping[str, Flow] = field(default_factory=dict)
