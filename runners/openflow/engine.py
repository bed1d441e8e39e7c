"""Runs a parsed flow. It knows modules and expressions; what an agent is only the executor knows.

Each module list (the flow itself, a branch, a loop body) is a level: it has its arguments and its
previous result. All levels of a run share one table of results by module id. A failure is handled
by the failure module once, at the innermost level that failed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

from agentdyno.core.errors import DynoError
from agentdyno.runners.openflow.document import Flow, Module
from agentdyno.runners.openflow.evaluator import EvaluationError, Evaluator
from agentdyno.runners.openflow.fastpath import FastEvaluator
from agentdyno.runners.openflow.kinds import Kinds
from agentdyno.runners.openflow.outcome import (
    Done,
    FlowResult,
    Observe,
    Status,
    StepError,
    StepExecutor,
    StepRecord,
    failed_as,
)
from agentdyno.runners.openflow.retry import delay
from agentdyno.runners.openflow.scope import Frame, References, Scope

Sleep = Callable[[float], Awaitable[None]]


class FlowEngine:
    """Runs flows; one engine serves many runs, several at a time."""

    def __init__(
        self, *, executor: StepExecutor, evaluator: Evaluator,
        references: Mapping[str, Any] | None = None, observe: Observe | None = None,
        sleep: Sleep = asyncio.sleep, random: Random | None = None,
    ) -> None:
        """`references` maps `$res:path` and `$var:path` to what they stand for."""
        self._executor = executor
        self._evaluator = FastEvaluator(evaluator)
        self._references = References(references or {})
        self._observe = observe
        self._sleep = sleep
        self._random = random or Random()  # noqa: S311 jitter of retries, nothing secret

    async def run(self, flow: Flow, args: dict[str, Any]) -> FlowResult:
        """Run `flow` with `args` as `flow_input`; a failing step is a result, not an exception."""
        return await _Run(self, flow).run(args)


class _Run:
    """One run of one flow."""

    def __init__(self, engine: FlowEngine, flow: Flow) -> None:
        self._engine = engine
        self._flow = flow
        self._scope = Scope(engine._evaluator, flow.value.flow_env)
        self._kinds = Kinds(self._scope, engine._executor, self.level)

    async def run(self, args: dict[str, Any]) -> FlowResult:
        done = await self.level(self._flow.value.modules, args)
        recovered = isinstance(done.value, dict) and done.value.get("recover") is True
        return FlowResult(
            success=not done.failed or (done.handled_here and recovered),
            value=done.value, cause=done.cause, skipped=done.skipped, results=self._scope.results,
        )

    async def level(self, modules: tuple[Module, ...], args: dict[str, Any]) -> Done:
        """Run one module list in order; its value is the last module's, or `args` when empty."""
        previous: Any = args
        for module in modules:
            frame = Frame(args=args, previous=previous)
            done = await self._module(module, frame)
            self._scope.results[module.id] = None if done.empty else done.value
            if done.failed and not (module.continue_on_error and not done.fatal):
                return await self._fail(done, args)
            if done.stop:
                return done
            previous = done.value
        return Done(value=previous)

    async def _fail(self, done: Done, args: dict[str, Any]) -> Done:
        module = self._flow.value.failure_module
        if module is None or done.handled:
            return replace(done, fatal=False, handled_here=False)
        told = await self._module(module, Frame(args=args, previous=done.value))
        return Done(
            value=told.value, cause=done.cause, failed=True, handled=True, handled_here=True
        )

    async def _module(self, module: Module, frame: Frame) -> Done:
        started = time.perf_counter()
        status: Status = "cancelled"
        try:
            done = await self._settle(module, frame)
            skipped = done.skipped and not done.stop
            status = "failure" if done.failed else "skipped" if skipped else "success"
        finally:
            if self._engine._observe:
                self._engine._observe(StepRecord(
                    id=module.id, kind=module.value.type, status=status,
                    started=started, ended=time.perf_counter(),
                ))
        return done

    async def _settle(self, module: Module, frame: Frame) -> Done:
        """Run the module with everything that its attributes add."""
        try:
            if module.mock and module.mock.enabled:
                done = Done(value=module.mock.return_value)
            elif module.skip_if and await self._scope.holds(
                module.skip_if.expr, frame, result=frame.previous
            ):
                return Done(value=frame.previous, skipped=True)
            else:
                done = await self._attempts(module, frame)
            return await self._stopped(module, frame, done)
        except EvaluationError as error:
            return failed_as(StepError(error.message, name="ExecutionErr"), module.id)

    async def _attempts(self, module: Module, frame: Frame) -> Done:
        inputs = getattr(module.value, "input_transforms", {})
        args = {
            name: await self._scope.value(transform, frame) for name, transform in inputs.items()
        }
        failures = 0
        while True:
            done = await self._attempt(module, frame, args)
            if not done.failed:
                return done
            wait = delay(module.retry, failures, self._engine._random)
            if wait is None or not await self._worth_it(module, frame, done):
                return done
            failures += 1
            await self._engine._sleep(wait)

    async def _worth_it(self, module: Module, frame: Frame, done: Done) -> bool:
        retry_if = module.retry.retry_if
        return retry_if is None or await self._scope.holds(
            retry_if.expr, frame, result=done.value, error=done.value.get("error")
        )

    async def _attempt(self, module: Module, frame: Frame, args: dict[str, Any]) -> Done:
        try:
            async with asyncio.timeout(await self._seconds(module, frame)) as limit:
                known = self._engine._references.resolved(args)
                return await self._kinds.run(module, frame, known)
        except (EvaluationError, DynoError):
            raise
        except Exception as error:  # a failing step is a value in the flow; `cause` keeps the rest
            late = isinstance(error, TimeoutError) and limit.expired()
            return failed_as(error, module.id, "the step overran its timeout" if late else None)

    async def _seconds(self, module: Module, frame: Frame) -> float | None:
        if module.timeout is None:
            return None
        seconds = await self._scope.value(module.timeout, frame, result=frame.previous)
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
            raise StepError(f"timeout must be a number of seconds from 0, not {seconds!r}")
        return float(seconds)

    async def _stopped(self, module: Module, frame: Frame, done: Done) -> Done:
        rule = module.stop_after_if
        if rule is None or done.failed or done.stop or module.value.type == "forloopflow":
            return done
        after = Frame(args=frame.args, previous=done.value)
        self._scope.results[module.id] = done.value
        if not await self._scope.holds(rule.expr, after, result=done.value):
            return done
        if rule.error_message is None:
            return Done(value=done.value, stop=True, skipped=rule.skip_if_stopped)
        message = rule.error_message or f"stop after if: {rule.expr}"
        return failed_as(StepError(message, name="EarlyStopError"), fatal=True)
