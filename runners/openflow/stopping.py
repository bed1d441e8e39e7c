"""The rules by which a module ends the flow that it stands in."""

from typing import Literal

from agentdyno.runners.openflow.attributes import StopAfterIf
from agentdyno.runners.openflow.document import Module
from agentdyno.runners.openflow.happenings import Observe, Stopped
from agentdyno.runners.openflow.outcome import Done, StepError, failed_as
from agentdyno.runners.openflow.scope import Frame

_REPEATING = ("forloopflow", "whileloopflow", "branchall")
"""Kinds that test `stop_after_if` after each iteration or not at all, and have the other rule for
when they are done."""


async def stopped(module: Module, frame: Frame, done: Done, observe: Observe) -> Done:
    """Return `done`, or what it becomes because a rule of the module holds.

    Raises:
        EvaluationError: the rule has no value.
    """
    repeats = module.value.type in _REPEATING
    rule = module.stop_after_all_iters_if if repeats else module.stop_after_if
    if rule is None or done.failed or done.stop:
        return done
    frame.scope.results[module.id] = done.value
    if not await frame.after(done.value).holds(rule.expr, result=done.value):
        return done
    name: Literal["stop_after_if", "stop_after_all_iters_if"] = (
        "stop_after_all_iters_if" if repeats else "stop_after_if"
    )
    observe(Stopped(id=module.id, rule=name))
    return _ended(rule, done)


def _ended(rule: StopAfterIf, done: Done) -> Done:
    if rule.error_message is None:
        return Done(value=done.value, stop=True, skipped=rule.skip_if_stopped)
    message = rule.error_message or f"stop after if: {rule.expr}"
    return failed_as(StepError(message, name="EarlyStopError"), fatal=True)
