"""From what a judge said to a verdict. Pure: a stored trial is graded again without asking."""

from agentdyno.core.checkjudge import JudgeCheck
from agentdyno.core.judged import Judged
from agentdyno.core.trial import Trial, Verdict
from agentdyno.evals.finding import Unanswered, excerpt
from agentdyno.evals.judges.material import material


def graded(check: JudgeCheck, judged: Judged) -> Verdict:
    """Return the verdict on what a judge said: pass from the threshold on, error without a score,
    inconclusive where there was nothing to judge."""
    judged = judged.model_copy(update={"threshold": check.threshold})
    who = f"{judged.metric} of {judged.library} {judged.version} by {judged.model or 'nobody'}"
    if judged.score is None:
        status = "inconclusive" if judged.nothing_to_judge else "error"
        reason = f"{who}: {judged.reason}"
    else:
        status = "pass" if judged.score >= check.threshold else "fail"
        spread = ""
        if len(judged.scores) > 1:
            low, high = min(judged.scores), max(judged.scores)
            spread = f" (mean of {len(judged.scores)}, {low:.2f} to {high:.2f})"
        reason = (
            f"{who}: {judged.score:.2f}{spread}, asked for {check.threshold:.2f}: "
            f"{excerpt(judged.reason, 300)}"
        )
    return Verdict.model_validate({
        "check": check.id, "status": status, "reason": reason, "judged": judged,
    })


def graded_again(trial: Trial, check: JudgeCheck) -> Verdict:
    """Return the verdict on what a judge said when the trial ended; it is not asked again."""
    try:
        material(trial, check)
    except Unanswered as error:
        return Verdict(check=check.id, status="fail", reason=str(error))
    own = [verdict for verdict in trial.verdicts if verdict.check == check.id]
    for verdict in own:
        if verdict.judged is not None and verdict.judged.question == check.question:
            return graded(check, verdict.judged)
    for verdict in own:
        if verdict.judged is None and verdict.status == "error":
            return verdict
    return Verdict(
        check=check.id, status="error",
        reason="no judge was asked this about the stored trial; run it again with --fresh",
    )
