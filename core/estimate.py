"""A number with its uncertainty."""

from pydantic import Field

from agentdyno.core.noun import Noun


class Estimate(Noun):
    """An aggregate over `n` observations with the interval that `method` gives."""

    value: float
    """The point estimate."""
    low: float
    """Lower bound of the interval."""
    high: float
    """Upper bound of the interval."""
    n: int = Field(ge=1)
    """Number of observations."""
    method: str
    """How the interval was computed."""
    confidence: float = Field(gt=0, lt=1)
    """Nominal coverage of the interval."""
    seed: int | None = None
    """Seed of the resampler; null when nothing was drawn."""
