"""Turns a sealed trial into verdicts. Pure: the same trial always gets the same verdicts."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agentdyno.core.check import CheckSpec, JudgeCheck
from agentdyno.core.trial import Outcome, Trial, Verdict
from agentdyno.evals import (
    answer,
    approval,
    behaviour,
    custom,
    gaps,
    limits,
    path,
    sameness,
    sideeffects,
    similarity,
    sql,
    trust,
    world,
)
from agentdyno.evals.finding import Finding, Unanswered, failed
from agentdyno.evals.judges.grade import graded_again

CHECKS: dict[str, Callable[[Trial, Any, Path], Finding]] = {
    "contains": answer.contains,
    "regex": answer.regex,
    "json_schema": answer.json_schema,
    "numeric": answer.numeric,
    "tools_called": behaviour.tools_called,
    "mail_sent": behaviour.mail_sent,
    "limits": limits.limits,
    "memory_used": behaviour.memory_used,
    "approval": approval.approval,
    "gap_reported": gaps.gap_reported,
    "same_tool_calls": sameness.same_tool_calls,
    "same_answer": sameness.same_answer,
    "similarity": similarity.similarity,
    "sql": sql.sql,
    "end_state": world.end_state,
    "no_duplicates": sideeffects.no_duplicates,
    "permission": sideeffects.permission,
    "path": path.path,
    "citations": trust.citations,
    "confidence": trust.confidence,
    "python": custom.python,
}
"""How each type of check is answered; what judges said is read from the trial."""

_NOT_THE_AGENT = (Outcome.HARNESS_FAULT, Outcome.CANCELLED)


def evaluate(trial: Trial, checks: Sequence[CheckSpec], folder: Path) -> tuple[Verdict, ...]:
    """Answer every check about `trial`, in order.

    A trial that did not complete fails every check, unless the bench itself was at fault or the
    user cancelled it: then every check is inconclusive. A check that cannot be answered is an
    error, never a pass.

    Args:
        folder: the scenario's folder, for its reference computations.
    """
    return tuple(_verdict(trial, check, folder) for check in checks)


def _verdict(trial: Trial, check: CheckSpec, folder: Path) -> Verdict:
    if trial.outcome is not Outcome.COMPLETED:
        status = "inconclusive" if trial.outcome in _NOT_THE_AGENT else "fail"
        reason = f"the trial ended with {trial.outcome.value}: {trial.reason or 'no reason given'}"
        return Verdict.model_validate({"check": check.id, "status": status, "reason": reason})
    if isinstance(check, JudgeCheck):
        return graded_again(trial, check)
    # One check that breaks must not take the others' verdicts with it.
    try:
        finding = CHECKS[check.type](trial, check, folder)
    except Unanswered as error:
        finding = failed(str(error))
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return Verdict(check=check.id, status="error", reason=reason)
    return Verdict(
        check=check.id, status="pass" if finding.ok else "fail", reason=finding.reason
    )
