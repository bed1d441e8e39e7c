"""Who speaks with the team, as a scenario's file says it: fixed turns, a recording, or a model."""

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from agentdyno.core.noun import Noun


class UserStop(Noun):
    """When a simulated user says no more; he may also end the conversation by himself."""

    max_turns: int = Field(default=8, ge=1, le=200)
    """User turns, the first one included."""
    when: str | None = Field(default=None, min_length=1)
    """Jinja expression, looked at after each answer, over `answer` (the last one), `answers`,
    `turn` (how many there are) and `vars`; the conversation ends where it is true."""


class Simulation(Noun):
    """A user played by a model, through the same gateway as the team and apart from it."""

    persona: str = Field(min_length=1)
    """Who the user is, what he knows and how he writes; a Jinja template over `vars`."""
    goal: str = Field(min_length=1)
    """What he wants of the team; a Jinja template over `vars`."""
    first: str | None = Field(default=None, min_length=1)
    """His first turn, a Jinja template over `vars`; the model writes it too when absent."""
    model: str = Field(default="default", min_length=1)
    """Model alias."""
    temperature: float | None = Field(default=None, ge=0.0, le=2.0)
    """Sampling temperature; null leaves the provider's default."""
    stop: UserStop = UserStop()
    """When he says no more."""


class SimulatedUser(Noun):
    """`user: {simulate: {...}}`."""

    simulate: Simulation
    """Who he is and what he wants."""


class ReplayedUser(Noun):
    """`user: {replay: FILE}`."""

    replay: str = Field(min_length=1)
    """A recorded conversation in the scenario's folder: JSON of OpenAI's chat format, a list of
    messages or an object with `messages`. The user's messages alone are read."""


UserTurns = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


def _kind(value: Any) -> str | None:
    if isinstance(value, list | tuple):
        return "turns"
    for kind, noun in (("replayed", ReplayedUser), ("simulated", SimulatedUser)):
        key = next(iter(noun.model_fields))
        if isinstance(value, noun) or (isinstance(value, dict) and key in value):
            return kind
    return None


UserSpec = Annotated[
    Annotated[UserTurns, Tag("turns")]
    | Annotated[ReplayedUser, Tag("replayed")]
    | Annotated[SimulatedUser, Tag("simulated")],
    Discriminator(
        _kind, custom_error_type="user_kind",
        custom_error_message="must be a list of texts, {replay: FILE}, or {simulate: {...}}",
    ),
]
