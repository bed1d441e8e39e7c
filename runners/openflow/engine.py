"""Runs a parsed flow. It knows modules and expressions; what an agent is only the executor knows.

Each module list (the flow itself, a branch, a loop body) is a level: it has its arguments and its
previous result. All levels of a run share one table of results by module id, but iterations of a
parallel loop and called flows have one of their own. A failure is handled by the failure module
once, at the innermost level that failed.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Any

from agentdyno.core.errors import DynoError
from agentdyno.runners.openflow.document import (
    BranchAll,
    BranchOne,
    Flow,
    FlowDocumentError,
    ForLoop,
    Module,
    SubFlow,
    WhileLoop,
)
from agentdyno.runners.openflow.evaluator import EvaluationError, Evaluator
from agentdyno.runners.openflow.fastpath import FastEvaluator
from agentdyno.runners.openflow.happenings import Entered, Observe, Status, StepRecord, unseen
from agentdyno.runners.openflow.kinds import Kinds
from agentdyno.runners.openflow.means import Means, ResumeSource, Sleep
from agentdyno.runners.openflow.outcome import (
    Done,
    FlowResult,
    StepError,
    StepExecutor,
    failed_as,
)
from agentdyno.runners.openflow.pauses import Pauses, ending, seconds_of
from agentdyno.runners.openflow.retry import delay
from agentdyno.runners.openflow.scope import Frame, References, Scope
from agentdyno.runners.openflow.stopping import stopped

_DEEPEST = 20
"""Flows that may be inside each other: a flow that calls itself without end is a fault."""


class FlowEngine:
    """Runs flows; one engine serves many runs, several at a time."""

    def __init__(
        self, *, executor: StepExecutor, evaluator: Evaluator,
        references: Mapping[str, Any] | None = None, observe: Observe = unseen,
        sleep: Sleep = asyncio.sleep, random: Random | None = None,
        resumes: ResumeSource | None = None, flows: Mapping[str, Flow] | None = None,
        max_iterations: int = 1000,
    ) -> None:
        """`references` maps `$res:path` and `$var:path` to what they stand for, `flows` paths to
        the flows that may be called; `resumes` says who resumes a flow that waits, and
        `max_iterations` is where a while loop without a stop fails."""
        self._means = Means(
            executor=executor, evaluator=FastEvaluator(evaluator),
            references=References(references or {}), observe=observe, sleep=sleep,
            random=random or Random(),  # noqa: S311 jitter of retries, nothing secret
            resumes=resumes, max_iterations=max_iterations, flows=flows or {},
        )

    async def run(self, flow: Flow, args: dict[str, Any]) -> FlowResult:
        """Run `flow` with `args` as `flow_input`; a failing step is a result, not an exception.

        Raises:
            FlowDocumentError: it waits to be resumed, and nobody could.
        """
        if self._means.resumes is None:
            _refuse_to_wait(flow, self._means.flows)
        scope = Scope(self._means.evaluator, flow.value.flow_env)
        return await _Run(self._means, flow, scope).run(args)


def _refuse_to_wait(flow: Flow, flows: Mapping[str, Flow]) -> None:
    waiting = [
        f"module `{module.id}` waits to be resumed, and the host names nobody who could"
        for module in _reached(flow, flows, set())
        if module.suspend and module.suspend.required_events
    ]
    if waiting:
        raise FlowDocumentError(tuple(waiting))


def _reached(flow: Flow, flows: Mapping[str, Flow], seen: set[str]) -> Iterator[Module]:
    """Yield the modules of `flow` and of every flow that it may call."""
    for module in _all_modules(flow.value.modules):
        yield module
        called = module.value.path if isinstance(module.value, SubFlow) else ""
        if called in flows and called not in seen:
            seen.add(called)
            yield from _reached(flows[called], flows, seen)


def _all_modules(modules: tuple[Module, ...]) -> Iterator[Module]:
    for module in modules:
        yield module
        match module.value:
            case ForLoop(modules=body) | WhileLoop(modules=body):
                yield from _all_modules(body)
            case BranchAll(branches=branches):
                for branch in branches:
                    yield from _all_modules(branch.modules)
            case BranchOne(branches=options, default=default):
                for body in (*(option.modules for option in options), default):
                    yield from _all_modules(body)


class _Run:
    """One run of one flow."""

    def __init__(self, means: Means, flow: Flow, scope: Scope, depth: int = 1) -> None:
        self._means = means
        self._flow = flow
        self._scope = scope
        self._depth = depth
        self._kinds = Kinds(means, self.level, self._call)
        self._pauses = Pauses(means)

    async def run(self, args: dict[str, Any]) -> FlowResult:
        done = await self.level(self._flow.value.modules, args, self._scope)
        recovered = isinstance(done.value, dict) and done.value.get("recover") is True
        return FlowResult(
            success=not done.failed or (done.handled_here and recovered),
            value=done.value, cause=done.cause, skipped=done.skipped, results=self._scope.results,
        )

    async def level(
        self, modules: tuple[Module, ...], args: dict[str, Any], scope: Scope
    ) -> Done:
        """Run one module list in order; its value is the last module's, or `args` when empty."""
        frame = Frame(scope=scope, args=args, previous=args)
        for module in ending(modules):
            done = await self._module(module, frame)
            scope.results[module.id] = None if done.empty else done.value
            if done.failed and not (module.continue_on_error and not done.fatal):
                return await self._fail(done, frame)
            if done.stop:
                return done
            ahead = await self._pause(module, frame, done)
            if isinstance(ahead, Done):
                return await self._fail(ahead, frame)
            frame = ahead
        return Done(value=frame.previous)

    async def _pause(self, module: Module, frame: Frame, done: Done) -> Frame | Done:
        if done.failed or done.skipped:
            return replace(frame, previous=done.value, resumes=(), approvers=())
        try:
            return await self._pauses.after(module, frame, done.value)
        except EvaluationError as error:
            return failed_as(StepError(error.message, name="ExecutionErr"), module.id)
        except StepError as error:
            return failed_as(error, module.id)

    async def _fail(self, done: Done, frame: Frame) -> Done:
        module = self._flow.value.failure_module
        if module is None or done.handled:
            return replace(done, fatal=False, handled_here=False)
        told = await self._module(module, frame.after(done.value))
        return Done(
            value=told.value, cause=done.cause, failed=True, handled=True, handled_here=True
        )

    async def _call(self, path: str, args: dict[str, Any], scope: Scope) -> Done:
        flow = self._means.flows.get(path)
        if flow is None:
            raise StepError(f"the flow `{path}` is not known to this workspace", name="NotFound")
        if self._depth >= _DEEPEST:
            raise StepError(f"`{path}` is the {_DEEPEST + 1}th flow inside each other")
        inner = _Run(self._means, flow, scope.inner(flow.value.flow_env), self._depth + 1)
        ended = await inner.run(args)
        return Done(value=ended.value, failed=not ended.success, cause=ended.cause)

    async def _module(self, module: Module, frame: Frame) -> Done:
        started = time.perf_counter()
        status: Status = "cancelled"
        try:
            done = await self._settle(module, frame)
            skipped = done.skipped and not done.stop
            status = "failure" if done.failed else "skipped" if skipped else "success"
        finally:
            self._means.observe(StepRecord(
                id=module.id, kind=module.value.type, status=status,
                started=started, ended=time.perf_counter(),
            ))
        return done

    async def _settle(self, module: Module, frame: Frame) -> Done:
        """Run the module with everything that its attributes add."""
        try:
            if module.mock and module.mock.enabled:
                done = Done(value=module.mock.return_value)
            elif module.skip_if and await frame.holds(module.skip_if.expr, result=frame.previous):
                return Done(value=frame.previous, skipped=True)
            else:
                self._means.observe(Entered(id=module.id, kind=module.value.type))
                done = await self._attempts(module, frame)
            return await stopped(module, frame, done, self._means.observe)
        except EvaluationError as error:
            return failed_as(StepError(error.message, name="ExecutionErr"), module.id)

    async def _attempts(self, module: Module, frame: Frame) -> Done:
        inputs = getattr(module.value, "input_transforms", {})
        args = {name: await frame.value(transform) for name, transform in inputs.items()}
        failures = 0
        while True:
            done = await self._attempt(module, frame, args)
            if not done.failed:
                return done
            wait = delay(module.retry, failures, self._means.random)
            if wait is None or not await self._worth_it(module, frame, done):
                return done
            failures += 1
            await self._means.sleep(wait)

    async def _worth_it(self, module: Module, frame: Frame, done: Done) -> bool:
        retry_if = module.retry.retry_if
        error = done.value.get("error") if isinstance(done.value, dict) else None
        return retry_if is None or await frame.holds(
            retry_if.expr, result=done.value, error=error
        )

    async def _attempt(self, module: Module, frame: Frame, args: dict[str, Any]) -> Done:
        try:
            seconds = None
            if module.timeout is not None:
                seconds = await seconds_of(module.timeout, frame, "timeout")
            async with asyncio.timeout(seconds) as limit:
                known = self._means.references.resolved(args)
                return await self._kinds.run(module, frame, known)
        except (EvaluationError, DynoError):
            raise
        except Exception as error:  # a failing step is a value in the flow; `cause` keeps the rest
            late = isinstance(error, TimeoutError) and limit.expired()
            return failed_as(error, module.id, "the step overran its timeout" if late else None)
