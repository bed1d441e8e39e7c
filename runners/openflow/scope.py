"""The variables that expressions see, and the references that arguments hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentdyno.runners.openflow.document import JsonObject, Static, Transform
from agentdyno.runners.openflow.evaluator import Evaluator, is_true
from agentdyno.runners.openflow.fastpath import mentions
from agentdyno.runners.openflow.outcome import StepError


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Where in a flow an expression stands."""

    args: dict[str, Any]
    """What it sees as `flow_input`."""
    previous: Any
    """What it sees as `previous_result`."""


class Scope:
    """One run's table of results and constants."""

    def __init__(self, evaluator: Evaluator, flow_env: JsonObject) -> None:
        self.results: dict[str, Any] = {}
        """Last result by module id."""
        self._evaluator = evaluator
        self._flow_env = flow_env

    async def value(self, transform: Transform, frame: Frame, **extra: Any) -> Any:
        """Return the value of an input transform; raises EvaluationError."""
        if isinstance(transform, Static):
            return transform.value
        return await self._evaluate(transform.expr, frame, extra)

    async def holds(self, expr: str, frame: Frame, **extra: Any) -> bool:
        """Return the truth of a predicate; raises EvaluationError."""
        return is_true(await self._evaluate(expr, frame, extra))

    async def _evaluate(self, expr: str, frame: Frame, extra: dict[str, Any]) -> Any:
        context = {
            "flow_input": frame.args, "results": self.results, "previous_result": frame.previous,
            "flow_env": self._flow_env, "params": {},
            "resume": None, "resumes": [], "approvers": [], **extra,
        }
        if "error" not in context and mentions(expr, "error"):
            context["error"] = _error_in(frame.previous)
        return await self._evaluator.evaluate(expr, context)


def _error_in(previous: Any) -> Any:
    """Return what an expression sees as `error`: the failure in the previous result."""
    if isinstance(previous, list):
        errors = [item["error"] for item in previous if isinstance(item, dict) and "error" in item]
        if len(errors) == 1:
            return errors[0]
        if errors:
            message = f"{len(errors)} steps failed"
            return {"name": "MultipleErrors", "message": message, "errors": errors}
    elif isinstance(previous, dict) and "error" in previous:
        return previous["error"]
    return {"name": "UnknownError", "message": "the previous result holds no error"}


class References:
    """Replaces `$res:path` and `$var:path`, at any depth of a step's arguments."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self._known = known

    def resolved(self, value: Any) -> Any:
        """Return `value` with its references replaced.

        Raises:
            StepError: a reference leads nowhere.
        """
        if isinstance(value, dict):
            return {key: self.resolved(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolved(item) for item in value]
        if not isinstance(value, str) or not value.startswith(("$res:", "$var:")):
            return value
        if value not in self._known:
            raise StepError(f"`{value}` is not known to this workspace", name="NotFound")
        return self._known[value]
