"""What lies between two modules: waiting for people, and for time."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from agentdyno.runners.openflow.attributes import Suspend, Transform
from agentdyno.runners.openflow.document import Identity, Module
from agentdyno.runners.openflow.happenings import Resumed, Suspended
from agentdyno.runners.openflow.means import Means, Resume, Suspension
from agentdyno.runners.openflow.outcome import Done, StepError, failed_as
from agentdyno.runners.openflow.scope import Frame


def pauses_after(module: Module) -> bool:
    """Return whether the flow waits after `module`."""
    waits = module.suspend is not None and module.suspend.required_events > 0
    return waits or module.sleep is not None


def ending(modules: tuple[Module, ...]) -> tuple[Module, ...]:
    """Return the module list, with a module for a pause at its end to come before."""
    if not modules or not pauses_after(modules[-1]):
        return modules
    last = Module(id=f"{modules[-1].id}-v", value=Identity(type="identity"))
    return (*modules, last)


@dataclass(eq=False)
class _Gathered:
    """What people have said so far."""

    approvals: list[Resume]
    disapproval: Resume | None = None


class Pauses:
    """Waits as the attributes of a module say."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def after(self, module: Module, frame: Frame, value: Any) -> Frame | Done:
        """Wait, and return the frame in which the next module stands, or how the flow failed.

        Raises:
            EvaluationError: a number of seconds has no value.
            StepError: it is no number.
        """
        ahead = replace(frame, previous=value, resumes=(), approvers=())
        if module.suspend and module.suspend.required_events:
            resumed = await self._resumed(module, module.suspend, ahead)
            if isinstance(resumed, Done):
                return resumed
            ahead = resumed
        if module.sleep is not None:
            seconds = await seconds_of(module.sleep, ahead, "sleep", results={})
            await self._means.sleep(seconds)
        return ahead

    async def _resumed(self, module: Module, rule: Suspend, frame: Frame) -> Frame | Done:
        suspension = await _suspension(module, rule, frame)
        gathered = _Gathered(approvals=[])
        self._means.observe(Suspended(id=module.id, required=rule.required_events))
        try:
            async with asyncio.timeout(suspension.timeout_s) as limit:
                await self._gather(suspension, gathered)
        except TimeoutError:
            if not limit.expired():
                raise
        error = _refusal(gathered, rule.required_events)
        names = tuple(resume.approver for resume in gathered.approvals)
        self._means.observe(
            Resumed(id=module.id, approvers=names, error=error.name if error else "")
        )
        payloads = tuple(resume.payload for resume in gathered.approvals)
        if error is None:
            return replace(frame, resumes=payloads, approvers=names)
        if not rule.continue_on_disapprove_timeout:
            return failed_as(error, fatal=True)
        shown = {"error": {"name": error.name, "message": str(error)}}
        return replace(frame, resumes=(*payloads, shown), approvers=names)

    async def _gather(self, suspension: Suspension, gathered: _Gathered) -> None:
        assert self._means.resumes is not None, "the engine refuses such a flow before it starts"
        async with aclosing(self._means.resumes(suspension)) as said:
            async for resume in said:
                if not resume.approved:
                    gathered.disapproval = resume
                    return
                gathered.approvals.append(resume)
                if len(gathered.approvals) >= suspension.required_events:
                    return


def _refusal(gathered: _Gathered, required: int) -> StepError | None:
    if gathered.disapproval is not None:
        message = f"Disapproved by {gathered.disapproval.approver}"
        return StepError(message, name="SuspendedDisapproved")
    if len(gathered.approvals) >= required:
        return None
    return StepError(
        f"{len(gathered.approvals)} of {required} approvals came before the wait ended",
        name="SuspendedTimedOut",
    )


async def _suspension(module: Module, rule: Suspend, frame: Frame) -> Suspension:
    groups = await frame.value(rule.user_groups_required, result=frame.previous)
    return Suspension(
        step_id=module.id, result=frame.previous, required_events=rule.required_events,
        timeout_s=await seconds_of(rule.timeout, frame, "suspend.timeout"),
        form=rule.resume_form.form_schema, user_auth_required=rule.user_auth_required,
        user_groups_required=tuple(groups or ()),
        self_approval_disabled=rule.self_approval_disabled,
    )


async def seconds_of(transform: Transform, frame: Frame, name: str, **extra: Any) -> float:
    """Return a number of seconds.

    Raises:
        EvaluationError: it has no value.
        StepError: it is no number from 0.
    """
    seconds = await frame.value(transform, **{"result": frame.previous, **extra})
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        raise StepError(f"{name} must be a number of seconds from 0, not {seconds!r}")
    return float(seconds)
