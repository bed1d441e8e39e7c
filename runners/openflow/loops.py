"""Bodies that run more than once, or side by side."""

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable, Iterator, Sequence
from itertools import count
from typing import Any, Protocol, TypeVar

from agentdyno.runners.openflow.document import BranchAll, ForLoop, Module, WhileLoop
from agentdyno.runners.openflow.happenings import Iterating, Stopped
from agentdyno.runners.openflow.means import Means
from agentdyno.runners.openflow.outcome import Done, StepError
from agentdyno.runners.openflow.scope import Frame, Scope

ResultT = TypeVar("ResultT")


class Level(Protocol):
    """Runs a module list."""

    def __call__(
        self, modules: tuple[Module, ...], args: dict[str, Any], scope: Scope
    ) -> Coroutine[Any, Any, Done]:
        """Return how it ended; `args` are what it sees as `flow_input`."""
        ...


class Loops:
    """Runs forloopflow, whileloopflow and branchall."""

    def __init__(self, means: Means, level: Level) -> None:
        self._means = means
        self._level = level

    async def branches(self, value: BranchAll, frame: Frame) -> Done:
        """Run every branch; a stop inside one ends the flow only when they run in order."""
        skipped = [branch.skip_failure for branch in value.branches]
        runs = (
            self._level(branch.modules, frame.args, frame.scope) for branch in value.branches
        )
        if value.parallel:
            return _together(await side_by_side(runs), skipped)
        ended: list[Done] = []
        for run, skip in zip(runs, skipped, strict=True):
            ended.append(done := await run)
            if done.stop or (done.failed and not skip):
                break
        result = _together(ended, skipped)
        stop = ended and ended[-1].stop
        return Done(value=result.value, stop=True, skipped=ended[-1].skipped) if stop else result

    async def items(self, module: Module, value: ForLoop, frame: Frame) -> Done:
        """Run the body once per item."""
        items = await frame.value(value.iterator, result=frame.previous)
        if not isinstance(items, list):
            raise StepError(
                f"the iterator must give an array, not {type(items).__name__}", name="ExecutionErr"
            )
        if value.parallel:
            return await self._parallel(module, value, frame, items)
        return await self._in_order(module, value, frame, enumerate(items))

    async def forever(self, module: Module, value: WhileLoop, frame: Frame) -> Done:
        """Run the body until it stops, fails, or reaches the engine's cap."""
        return await self._in_order(module, value, frame, ((n, n) for n in count()))

    async def _in_order(
        self, module: Module, value: ForLoop | WhileLoop, frame: Frame,
        items: Iterator[tuple[int, Any]],
    ) -> Done:
        collected: list[Any] = []
        for index, item in items:
            if isinstance(value, WhileLoop) and index >= self._means.max_iterations:
                raise StepError(
                    f"the loop came to the engine's cap of {index} iterations without a stop",
                    name="TooManyIterations",
                )
            self._means.observe(Iterating(id=module.id, index=index))
            args = iteration(frame.args, index, item)
            done = await self._level(value.modules, args, frame.scope)
            collected.append(done.value)
            if done.failed and not value.skip_failures:
                return Done(
                    value=collected, failed=True, cause=done.cause, handled=done.handled,
                    fatal=done.fatal,
                )
            if done.stop or await self._breaks(module, frame, done, collected):
                break
        return Done(value=collected)

    async def _parallel(
        self, module: Module, value: ForLoop, frame: Frame, items: list[Any]
    ) -> Done:
        limit = await _parallelism(value, frame)
        places = asyncio.Semaphore(limit or max(1, len(items)))

        async def one(index: int, item: Any) -> Done:
            async with places:
                self._means.observe(Iterating(id=module.id, index=index))
                args = iteration(frame.args, index, item)
                return await self._level(value.modules, args, frame.scope.inner())

        ended = await side_by_side(one(index, item) for index, item in enumerate(items))
        return _together(ended, [value.skip_failures] * len(ended))

    async def _breaks(
        self, module: Module, frame: Frame, done: Done, collected: list[Any]
    ) -> bool:
        rule = module.stop_after_if
        if rule is None or done.failed:
            return False
        after = frame.after(done.value)
        stops = await after.holds(rule.expr, result=done.value, all_iters=collected)
        if stops:
            self._means.observe(Stopped(id=module.id, rule="stop_after_if"))
        return stops


async def _parallelism(value: ForLoop, frame: Frame) -> int | None:
    if value.parallelism is None:
        return None
    limit = await frame.value(value.parallelism, result=frame.previous)
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise StepError(f"parallelism must be a whole number from 1, not {limit!r}")
    return limit


def _together(ended: Sequence[Done], skipped: Sequence[bool]) -> Done:
    """Return what bodies come to that all ran: their values, and the first failure that counts."""
    values = [done.value for done in ended]
    for done, skip in zip(ended, skipped, strict=False):
        if done.failed and not skip:
            handled = any(other.handled for other in ended)
            return Done(value=values, failed=True, cause=done.cause, handled=handled)
    return Done(value=values)


async def side_by_side(runs: Iterable[Awaitable[ResultT]]) -> list[ResultT]:
    """Return what all of `runs` return; the first that raises, or a cancellation, ends the rest
    before it passes on."""
    tasks = [asyncio.ensure_future(run) for run in runs]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def iteration(args: dict[str, Any], index: int, item: Any) -> dict[str, Any]:
    """Return a loop body's arguments; the iteration of an outer loop becomes `iter_parent`."""
    outer = args.get("iter")
    parent = {} if outer is None else {"iter_parent": outer}
    inner = {"index": index, "value": item}
    kept = {key: value for key, value in args.items() if key != "iter"}
    if "iter_parent" in args and outer is not None:
        parent = {"iter_parent": {**outer, "iter_parent": args["iter_parent"]}}
    return {**kept, **parent, "iter": inner}
