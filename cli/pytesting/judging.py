"""What a trial of an item did not do, in words."""

from collections.abc import Sequence
from pathlib import Path

from agentdyno.core.check import CheckSpec
from agentdyno.core.trial import Outcome
from agentdyno.evals.checks import evaluate
from agentdyno.experiments.pytesting.seen import numbered, shown
from agentdyno.experiments.pytesting.trialview import TrialView


def failures(view: TrialView, checks: Sequence[CheckSpec], folder: Path) -> str:
    """Return what is wrong with a trial, line by line; "" when it passed its scenario's checks and
    `checks`."""
    trial = view.trial
    verdicts = (*trial.verdicts, *evaluate(trial, checks, folder))
    bad = [verdict for verdict in verdicts if verdict.status != "pass"]
    if not bad and trial.outcome is Outcome.COMPLETED:
        return ""
    lines = numbered(
        "the checks that did not pass:",
        [f"{verdict.check}: {verdict.status}: {shown(verdict.reason, 300)}" for verdict in bad],
        "the trial was asked nothing",
    )
    answers = numbered("the answers:", [shown(a, 300) for a in trial.answers], "there is no answer")
    return "\n".join([f"trial {trial.id[:10]}:", *lines, *answers, *view.context()])
