"""What steps and flows end in, and the door to the work that lies outside a flow."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from agentdyno.runners.openflow.attributes import Transform
from agentdyno.runners.openflow.document import Module

Evaluate = Callable[[Mapping[str, Transform]], Awaitable[dict[str, Any]]]
"""Evaluates inputs where the step stands, references replaced; raises EvaluationError and
StepError."""


class StepError(Exception):
    """A step failed, in the words that its failure value shows."""

    def __init__(self, message: str, *, name: str = "StepError") -> None:
        super().__init__(message)
        self.name = name


class StepExecutor(Protocol):
    """Runs modules whose work lies outside the flow, such as aiagent."""

    async def execute(self, module: Module, args: dict[str, Any], evaluate: Evaluate) -> Any:
        """Return the module's result, JSON, from its evaluated inputs; any exception fails it.

        `evaluate` is for inputs that stand deeper in the module, such as those of an agent's tools.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a module, or a level of modules, ended inside a run."""

    value: Any
    failed: bool = False
    cause: Exception | None = None
    """The exception behind a failure."""
    stop: bool = False
    """The enclosing level ends here, successfully."""
    skipped: bool = False
    empty: bool = False
    """Nothing ran: the previous result goes on, but the module itself has no result."""
    handled: bool = False
    """The failure module ran already."""
    handled_here: bool = False
    """It ran at the level that this is the end of, not inside one of its modules."""
    fatal: bool = False
    """The flow itself fails; `continue_on_error` does not help."""


@dataclass(frozen=True, kw_only=True)
class FlowResult:
    """How a flow ended."""

    success: bool
    value: Any
    """Result of the last module, or what the failure left."""
    cause: Exception | None
    """The exception behind the failure; kept when the failure module recovered."""
    skipped: bool
    """Whether a stop_after_if with skip_if_stopped ended it."""
    results: dict[str, Any] = field(default_factory=dict)
    """Last result of each module, by id."""


def failed_as(
    error: Exception, step_id: str | None = None, message: str | None = None, *,
    fatal: bool = False,
) -> Done:
    """Return the failure that `error` means: `{"error": {name, message, step_id}}`."""
    name = error.name if isinstance(error, StepError) else type(error).__name__
    shown: dict[str, Any] = {"name": name, "message": message or str(error)}
    if step_id is not None:
        shown["step_id"] = step_id
    return Done(value={"error": shown}, failed=True, cause=error, fatal=fatal)
