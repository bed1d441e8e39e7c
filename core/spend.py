"""What money and tokens are asked for and gone: the nouns between budgets and their ledger."""

from agentdyno.core.noun import Noun


class Reservation(Noun):
    """A call that is about to be made, at the most that it may take."""

    trial_id: str
    agent: str
    provider: str
    """Provider that will be asked first."""
    model: str
    """Model that will be asked for there."""
    tokens: int
    """Prompt and completion together; what counts while nothing better is known."""
    cost_usd: float | None = None
    """US dollars for them; null when the price is unknown."""
    billed: bool = True
    """Whether the provider sends bills at all."""


class Spent(Noun):
    """What a reserved call took."""

    provider: str
    """Provider that answered, after a fallback perhaps another one than was reserved for."""
    model: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """The part of `prompt_tokens` that the provider served from its cache."""
    cost_usd: float | None = None
    """US dollars; null when the price is unknown or nobody bills."""
    billed: bool = True
    """Whether that provider sends bills at all."""
    known: bool = True
    """False for a call that broke off: a provider may bill it, so its reservation counts."""


class DayTotals(Noun):
    """What all calls of one UTC day took, reservations included, without the one asked about."""

    calls: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    wall_s: float = 0.0
    """Seconds of the day's other runs, each from its first live call to its last."""
