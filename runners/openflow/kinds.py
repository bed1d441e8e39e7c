"""What each kind of module does with its body."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agentdyno.runners.openflow.attributes import Transform
from agentdyno.runners.openflow.document import (
    BranchAll,
    BranchOne,
    ForLoop,
    Identity,
    Module,
    RawScript,
    SubFlow,
    WhileLoop,
)
from agentdyno.runners.openflow.evaluator import EvaluationError
from agentdyno.runners.openflow.loops import Level, Loops
from agentdyno.runners.openflow.means import Means
from agentdyno.runners.openflow.outcome import Done, StepError
from agentdyno.runners.openflow.scope import Frame, Scope
from agentdyno.runners.openflow.scripts import run_script

Call = Callable[[str, dict[str, Any], Scope], Awaitable[Done]]
"""Runs the flow at a path with arguments, in the scope of its caller."""


class Kinds:
    """Runs one module, once, in the way of its kind."""

    def __init__(self, means: Means, level: Level, call: Call) -> None:
        self._means = means
        self._level = level
        self._call = call
        self._loops = Loops(means, level)

    async def run(self, module: Module, frame: Frame, args: dict[str, Any]) -> Done:
        """Return how the module ended; whatever the executor raises passes through."""
        match module.value:
            case Identity():
                return Done(value=frame.previous)
            case BranchOne() as branches:
                return await self._branch(branches, frame)
            case BranchAll() as branches:
                return await self._loops.branches(branches, frame)
            case ForLoop() as loop:
                return await self._loops.items(module, loop, frame)
            case WhileLoop() as loop:
                return await self._loops.forever(module, loop, frame)
            case RawScript(content=content):
                return Done(value=await self._script(content, args))
            case SubFlow(path=path):
                return await self._call(path, args, frame.scope)
        return Done(value=await self._work(module, frame, args))

    async def _script(self, content: str, args: dict[str, Any]) -> Any:
        try:
            return await run_script(content, args, self._means.evaluator)
        except EvaluationError as error:  # a script that fails may be retried, unlike an expression
            raise StepError(error.message, name="ExecutionErr") from None

    async def _work(self, module: Module, frame: Frame, args: dict[str, Any]) -> Any:
        async def evaluate(inputs: Mapping[str, Transform]) -> dict[str, Any]:
            found = {name: await frame.value(transform) for name, transform in inputs.items()}
            return {name: self._means.references.resolved(value) for name, value in found.items()}

        return await self._means.executor.execute(module, args, evaluate)

    async def _branch(self, branches: BranchOne, frame: Frame) -> Done:
        chosen = branches.default
        for branch in branches.branches:
            if await frame.holds(branch.expr, result=frame.previous):
                chosen = branch.modules
                break
        if not chosen:
            return Done(value=frame.previous, empty=True)
        return await self._level(chosen, frame.args, frame.scope)
