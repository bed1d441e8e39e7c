"""Why a judge gave no score."""


class JudgeFault(Exception):
    """The judge, or the way to it, failed: the verdict is an error, whatever the trial is worth."""


class NothingToJudge(Exception):
    """The trial holds nothing of what the metric looks at, so that no score would mean anything."""
