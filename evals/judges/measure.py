"""One check of a judge: asked, read, and asked once more where the answer is garbage."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentdyno.core.checkjudge import JudgeCheck
from agentdyno.core.judged import Judged
from agentdyno.evals.judges import library
from agentdyno.evals.judges.faults import JudgeFault, NothingToJudge
from agentdyno.evals.judges.material import Material
from agentdyno.evals.judges.metrics import case_of, has_no_plan, instance, need

Ask = Callable[[Sequence[dict[str, str]]], Awaitable[str]]
_SLACK = 1e-9


@dataclass(kw_only=True)
class _Tally:
    ask: Ask
    calls: int = 0
    retries: int = 0
    scores: list[float] = field(default_factory=list)
    reason: str = ""

    async def __call__(self, chat: Sequence[dict[str, str]]) -> str:
        self.calls += 1
        return await self.ask(chat)


async def measure(check: JudgeCheck, shown: Material, ask: Ask) -> Judged:
    """Ask the judge about `shown`, as often as `check` says.

    A judge that cannot be used gives a `Judged` without a score; what it took is in it all the
    same. `model` is left empty: only the caller knows who answered.

    Args:
        ask: sends messages to the judge's model; raises `JudgeFault`.

    Raises:
        UsageError: DeepEval is missing.
    """
    await asyncio.to_thread(library.load)
    tally = _Tally(ask=ask)
    nothing = False
    try:
        need(check, shown)
        for _ in range(check.samples):
            await _sample(check, shown, tally)
    except NothingToJudge as why:
        nothing, reason = True, str(why)
    except JudgeFault as fault:
        reason = str(fault)
    else:
        mean = math.fsum(tally.scores) / len(tally.scores)
        return _judged(check, tally, score=mean, reason=tally.reason)
    return _judged(check, tally, reason=reason, nothing_to_judge=nothing)


def _judged(check: JudgeCheck, tally: _Tally, **more: Any) -> Judged:
    return Judged(
        metric=check.metric, library=library.NAME, version=library.version(), model="",
        question=check.question, kind=check.kind, scores=tuple(tally.scores), calls=tally.calls,
        retries=tally.retries, **more,
    )


async def _sample(check: JudgeCheck, shown: Material, tally: _Tally) -> None:
    """Take one measurement; a score that is none counts as garbage, too."""
    from agentdyno.evals.judges.model import JudgeModel

    model = JudgeModel(tally)
    try:
        score, reason = await _measured(check, shown, model)
        if score is None:
            model.again(reason)
            score, reason = await _measured(check, shown, model)
        if score is None:
            raise JudgeFault(f"the judge answered garbage twice: {reason}")
    finally:
        tally.retries += model.retries
    tally.scores.append(score)
    tally.reason = tally.reason or reason


async def _measured(
    check: JudgeCheck, shown: Material, model: Any
) -> tuple[float | None, str]:
    """Return the score with the judge's reason, or null with why it is none."""
    metric = instance(check, model)
    try:
        score = await metric.a_measure(case_of(shown), _show_indicator=False)
    except JudgeFault:
        raise
    except Exception as error:
        # Whatever a metric trips over came from the judge's answers: the rest is the same always.
        raise JudgeFault(f"{check.metric} failed: {type(error).__name__}: {error}") from error
    reason = str(metric.reason or "")
    if has_no_plan(reason):
        raise NothingToJudge("the trace holds no plan")
    if not isinstance(score, int | float) or not -_SLACK <= score <= 1 + _SLACK:
        return None, f"garbage: a score of {score}, outside of the metric's scale"
    return min(1.0, max(0.0, float(score))), reason
