"""What a judge said of one trial, kept beside its verdict."""

from pydantic import Field

from agentdyno.core.canonical import content_hash
from agentdyno.core.noun import Noun

JUDGE = "judge"
"""Name that a judge's model calls carry. They are the bench's own: nothing that is counted of the
team has them in it."""

PROPOSER = "proposer"
"""Name that the calls carry by which a model proposes variants; the bench's own as well."""


class Judged(Noun):
    """One measurement by a model: by whom, with what, and what came out."""

    metric: str
    """Name of the metric in `library`."""
    library: str
    version: str
    """Version of `library`, whose prompts are a part of the judge."""
    model: str
    """Who answered, as `provider:model`; `scripted` for the scripted model, "" when nobody did."""
    question: str
    """Hash of what was asked: the check without its id and its threshold."""
    kind: str
    """Hash of how it was asked, whatever the case: what a calibration is about."""
    threshold: float = 0.5
    """From which score on it passed when it was graded last."""
    score: float | None = Field(default=None, ge=0, le=1)
    """Mean of `scores`; null when there is none."""
    scores: tuple[float, ...] = ()
    """One score per sample, from 0 to 1; higher is better."""
    reason: str = ""
    """What the judge said of the first sample, or why there is no score."""
    calls: int = 0
    """Model calls that it took, retries among them."""
    retries: int = 0
    """Answers that could not be used, after which it was asked once more."""
    nothing_to_judge: bool = False
    """Whether the trial holds nothing of what the metric looks at."""

    @property
    def calibration(self) -> str:
        """Return the name of the calibration that this judge needs: another model, version or
        criterion is another judge."""
        return judge_digest(self.kind, self.library, self.version, self.model)


def judge_digest(kind: str, library: str, version: str, model: str) -> str:
    """Return the identity of a judge: 16 hex digits."""
    return content_hash([kind, library, version, model])[:16]
