"""The cases that one arm passes and the other does not, each with two trials to look at."""

from collections.abc import Sequence

from agentdyno.core.trial import Trial
from agentdyno.evals.statistics.values import Values, means
from agentdyno.experiments.compare.nouns import Flip


def flips(
    trials_a: Sequence[Trial], trials_b: Sequence[Trial], passed_a: Values, passed_b: Values
) -> tuple[Flip, ...]:
    """Return the cases whose pass rate differs, the ones that got worse first."""
    rate_a, rate_b = means(passed_a), means(passed_b)
    found = [
        Flip(
            case=case, a=rate_a[case], b=rate_b[case],
            trial_a=_example(trials_a, case, passing=rate_a[case] > rate_b[case]),
            trial_b=_example(trials_b, case, passing=rate_b[case] > rate_a[case]),
        )
        for case in rate_a if case in rate_b and rate_a[case] != rate_b[case]
    ]
    return tuple(sorted(found, key=lambda flip: (flip.b - flip.a, flip.case)))


def _example(trials: Sequence[Trial], case: str, *, passing: bool) -> str:
    """Return the id of a trial of `case` that passed or failed as asked, else of any."""
    of_case = [trial for trial in trials if trial.key.situation == case]
    good = [
        trial for trial in of_case
        if passing == (bool(trial.verdicts) and all(v.status == "pass" for v in trial.verdicts))
    ]
    return (good or of_case)[0].id
