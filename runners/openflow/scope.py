"""The variables that expressions see, and the references that arguments hold."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from agentdyno.runners.openflow.attributes import JsonObject, Static, Transform
from agentdyno.runners.openflow.evaluator import Evaluator, is_true
from agentdyno.runners.openflow.fastpath import mentions
from agentdyno.runners.openflow.outcome import StepError


class Scope:
    """A table of results. One belongs to a flow, a flow that it calls, and each iteration of a
    parallel loop; what is not in it is looked up in the one around it."""

    def __init__(
        self, evaluator: Evaluator, flow_env: JsonObject, around: "Scope | None" = None
    ) -> None:
        self.results: dict[str, Any] = {}
        """Last result by module id."""
        self._evaluator = evaluator
        self._flow_env = flow_env
        self._around = around

    def inner(self, flow_env: JsonObject | None = None) -> "Scope":
        """Return a scope inside this one, with constants of its own if they are given."""
        return Scope(self._evaluator, self._flow_env if flow_env is None else flow_env, self)

    @property
    def visible(self) -> dict[str, Any]:
        """The results that an expression sees."""
        return {**self._around.visible, **self.results} if self._around else self.results

    async def evaluate(self, expr: str, context: dict[str, Any]) -> Any:
        """Return the value of `expr`, which also sees results and constants."""
        context = {"results": self.visible, "flow_env": self._flow_env, "params": {}, **context}
        if "error" not in context and mentions(expr, "error"):
            context["error"] = _error_in(context["previous_result"])
        return await self._evaluator.evaluate(expr, context)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Where in a flow an expression stands."""

    scope: Scope
    args: dict[str, Any]
    """What it sees as `flow_input`."""
    previous: Any
    """What it sees as `previous_result`."""
    resumes: tuple[Any, ...] = ()
    """Payloads of those who resumed the flow just before the module; the last one is `resume`."""
    approvers: tuple[str, ...] = ()
    """Who they were."""

    async def value(self, transform: Transform, **extra: Any) -> Any:
        """Return the value of an input transform; raises EvaluationError."""
        if isinstance(transform, Static):
            return transform.value
        return await self._evaluate(transform.expr, extra)

    async def holds(self, expr: str, **extra: Any) -> bool:
        """Return the truth of a predicate; raises EvaluationError."""
        return is_true(await self._evaluate(expr, extra))

    def after(self, value: Any) -> "Frame":
        """Return the frame in which `value` is the previous result."""
        return replace(self, previous=value)

    async def _evaluate(self, expr: str, extra: dict[str, Any]) -> Any:
        return await self.scope.evaluate(expr, {
            "flow_input": self.args, "previous_result": self.previous,
            "resume": self.resumes[-1] if self.resumes else None,
            "resumes": list(self.resumes), "approvers": list(self.approvers), **extra,
        })


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
