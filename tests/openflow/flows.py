"""Flows of the tests: steps whose work is a stub, and how they are run."""

import asyncio
from collections.abc import Mapping
from typing import Any

from agentdyno.runners.openflow.document import Module, parse
from agentdyno.runners.openflow.engine import FlowEngine
from agentdyno.runners.openflow.evaluator import EvaluationError
from agentdyno.runners.openflow.happenings import Happening, StepRecord
from agentdyno.runners.openflow.outcome import FlowResult, StepError


class Meeting:
    """Returns a step's arguments once `size` steps are at work; remembers how many there were."""

    def __init__(self, size: int) -> None:
        self._barrier = asyncio.Barrier(size)
        self.order: list[Any] = []

    async def execute(self, module: Module, args: dict[str, Any], evaluate: Any) -> Any:
        self.order.append(args.get("x", module.id))
        async with asyncio.timeout(10):
            await self._barrier.wait()
        if args.get("fail"):
            raise StepError(f"{module.id} does not work", name="Broken")
        return args


class NoJavascript:
    """An evaluator for flows that must be served by the fast paths alone."""

    async def evaluate(self, expr: str, context: Mapping[str, Any]) -> Any:
        raise EvaluationError(f"`{expr}` needs JavaScript")


class Echo:
    """Returns a step's arguments; the argument `fail` makes it fail so many times."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    async def execute(self, module: Module, args: dict[str, Any], evaluate: Any) -> Any:
        self.calls.append((module.id, args))
        if len([1 for called, _ in self.calls if called == module.id]) <= args.get("fail", 0):
            raise StepError(f"{module.id} does not work", name="Broken")
        return args


def step(name: str, inputs: dict[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
    transforms = {
        key: {"type": "javascript", "expr": value[3:]}
        if str(value).startswith("js:") else {"type": "static", "value": value}
        for key, value in (inputs or {}).items()
    }
    return {"id": name, "value": {"type": "aiagent", "input_transforms": transforms}, **attributes}


def flow(*modules: dict[str, Any], **value: Any) -> dict[str, Any]:
    return {"summary": "test", "value": {"modules": list(modules), **value}}


def loop(name: str, items: Any, *body: dict[str, Any], **rest: Any) -> dict[str, Any]:
    iterator = items if isinstance(items, dict) else {"type": "static", "value": items}
    own = {key: rest.pop(key) for key in ("skip_failures", "parallel", "parallelism")
           if key in rest}
    value = {"type": "forloopflow", "iterator": iterator, "modules": list(body), **own}
    return {"id": name, "value": value, **rest}


def branch(
    name: str, *bodies: tuple[str, list[dict[str, Any]]], default: Any = (), **rest: Any
) -> dict[str, Any]:
    branches = [{"expr": expr, "modules": modules} for expr, modules in bodies]
    value = {"type": "branchone", "branches": branches, "default": list(default)}
    return {"id": name, "value": value, **rest}


def branchall(name: str, *bodies: list[dict[str, Any]], **rest: Any) -> dict[str, Any]:
    """`skip_failure` is for all branches, `parallel` for the module."""
    skip = rest.pop("skip_failure", False)
    value = {"type": "branchall",
             "branches": [{"modules": body, "skip_failure": skip} for body in bodies]}
    if "parallel" in rest:
        value["parallel"] = rest.pop("parallel")
    return {"id": name, "value": value, **rest}


def forever(name: str, *body: dict[str, Any], **rest: Any) -> dict[str, Any]:
    skip = rest.pop("skip_failures", False)
    value = {"type": "whileloopflow", "modules": list(body), "skip_failures": skip}
    return {"id": name, "value": value, **rest}


def records(seen: list[Happening]) -> list[StepRecord]:
    return [each for each in seen if isinstance(each, StepRecord)]


async def run(
    document: dict[str, Any], args: dict[str, Any] | None = None,
    evaluator: Any = None, executor: Any = None, **options: Any,
) -> FlowResult:
    async def no_wait(seconds: float) -> None: ...

    engine = FlowEngine(
        executor=executor or Echo(), evaluator=evaluator or NoJavascript(),
        **{"sleep": no_wait, **options},
    )
    flows = options.get("flows", {})
    return await engine.run(parse(document, flows=flows), args or {})
