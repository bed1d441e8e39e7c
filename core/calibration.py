"""How good a judge is: what he said held against what people said, kept as a small file."""

from pydantic import Field

from agentdyno.core.estimate import Estimate
from agentdyno.core.noun import Noun


class Calibration(Noun):
    """One judge against human labels: `calibrations/JUDGE.json`."""

    format: int = 1
    judge: str
    """Identity of the judge: criterion, library, version and model."""
    scenario: str
    check: str
    """Id of the check in that scenario."""
    metric: str
    library: str
    version: str
    model: str
    threshold: float
    """From which score on the judge says pass; another one is another question."""
    labels: str
    """File of the human labels."""
    labels_sha256: str
    made_at: str
    """ISO 8601, UTC."""
    harness: str
    """Version of agentdyno."""
    cases: int
    """Cases with a label and a score."""
    unscored: tuple[str, ...] = ()
    """Cases for which the judge gave no score, with the reason."""
    undecided: int = 0
    """Cases on which people were split evenly: they are in no rate of agreement."""
    agreement: Estimate | None = None
    """Share of cases where judge and people say the same: pass or fail."""
    kappa: float | None = None
    """Cohen's kappa of judge and people; null where chance alone would agree."""
    alpha: float | None = None
    """Krippendorff's alpha of the judge's score and people's mean label, as numbers."""
    human_alpha: float | None = None
    """Krippendorff's alpha among the people: no judge can be expected to do better. Null where
    nobody labelled a case twice."""
    error: Estimate | None = None
    """Mean of score minus label: positive is lenient."""
    length: Estimate | None = None
    """By how much that rises when the answer is twice as long; null where all are of one length."""
    position: Estimate | None = None
    """Mean change of the score when the evidence is shown in reverse order; null where it was not
    measured or there is no order."""
    calls: int = Field(default=0, ge=0)
    """Model calls that it took."""
    cost_usd: float | None = None
    """US dollars of them; null when nobody bills or a price is unknown."""

    def covers(self, threshold: float) -> bool:
        """Tell whether this says anything of a judge who passes from `threshold` on."""
        return self.threshold == threshold and self.cases > 0
