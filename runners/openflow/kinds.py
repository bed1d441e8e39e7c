"""What each kind of module does with its body."""

from collections.abc import Awaitable, Callable
from typing import Any

from agentdyno.runners.openflow.document import BranchOne, ForLoop, Identity, Module
from agentdyno.runners.openflow.outcome import Done, StepError, StepExecutor
from agentdyno.runners.openflow.scope import Frame, Scope

Level = Callable[[tuple[Module, ...], dict[str, Any]], Awaitable[Done]]
"""Runs a module list with arguments."""


class Kinds:
    """Runs one module, once, in the way of its kind."""

    def __init__(self, scope: Scope, executor: StepExecutor, level: Level) -> None:
        self._scope = scope
        self._executor = executor
        self._level = level

    async def run(self, module: Module, frame: Frame, args: dict[str, Any]) -> Done:
        """Return how the module ended; whatever the executor raises passes through."""
        match module.value:
            case Identity():
                return Done(value=frame.previous)
            case BranchOne() as branches:
                return await self._branch(branches, frame)
            case ForLoop() as loop:
                return await self._loop(module, loop, frame)
            case _:
                return Done(value=await self._executor.execute(module, args))

    async def _branch(self, branches: BranchOne, frame: Frame) -> Done:
        chosen = branches.default
        for branch in branches.branches:
            if await self._scope.holds(branch.expr, frame, result=frame.previous):
                chosen = branch.modules
                break
        if not chosen:
            return Done(value=frame.previous, empty=True)
        return await self._level(chosen, frame.args)

    async def _loop(self, module: Module, loop: ForLoop, frame: Frame) -> Done:
        items = await self._scope.value(loop.iterator, frame, result=frame.previous)
        if not isinstance(items, list):
            raise StepError(
                f"the iterator must give an array, not {type(items).__name__}", name="ExecutionErr"
            )
        collected: list[Any] = []
        for index, item in enumerate(items):
            args = _iteration(frame.args, index, item)
            done = await self._level(loop.modules, args)
            collected.append(done.value)
            if done.failed and not loop.skip_failures:
                return Done(
                    value=collected, failed=True, cause=done.cause, handled=done.handled,
                    fatal=done.fatal,
                )
            if done.stop or await self._breaks(module, frame, done):
                break
        return Done(value=collected)

    async def _breaks(self, module: Module, frame: Frame, done: Done) -> bool:
        rule = module.stop_after_if
        if rule is None or done.failed:
            return False
        after = Frame(args=frame.args, previous=done.value)
        return await self._scope.holds(rule.expr, after, result=done.value)


def _iteration(args: dict[str, Any], index: int, item: Any) -> dict[str, Any]:
    """Return a loop body's arguments; the iteration of an outer loop becomes `iter_parent`."""
    outer = args.get("iter")
    parent = {} if outer is None else {"iter_parent": outer}
    inner = {"index": index, "value": item}
    kept = {key: value for key, value in args.items() if key != "iter"}
    if "iter_parent" in args and outer is not None:
        parent = {"iter_parent": {**outer, "iter_parent": args["iter_parent"]}}
    return {**kept, **parent, "iter": inner}
