"""What modules of an OpenFlow document share: inputs, conditions, retries, pauses."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

JsonObject = dict[str, Any]


class Lax(BaseModel):
    """Ignores unknown keys, and takes an explicit null for an absent key."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        return {key: value for key, value in raw.items() if value is not None}


class Static(Lax):
    """A constant input."""

    type: Literal["static"] = "static"
    value: Any = None
    """The constant; null when absent."""


class Javascript(Lax):
    """An input computed when the step starts."""

    type: Literal["javascript"]
    expr: str = ""
    """JavaScript expression, or statements that return."""


class ByModel(Lax):
    """An input of an agent's tool that the model gives."""

    type: Literal["ai"]


def _plain_is_static(raw: Any) -> Any:
    return raw if isinstance(raw, dict) else {"type": "static", "value": raw}


Transform = Annotated[
    Annotated[Static | Javascript, Field(discriminator="type")], BeforeValidator(_plain_is_static)
]


ToolInput = Annotated[
    Annotated[Static | Javascript | ByModel, Field(discriminator="type")],
    BeforeValidator(_plain_is_static),
]


class Predicate(Lax):
    """A JavaScript expression that is read as true or false."""

    expr: str


class StopAfterIf(Predicate):
    """Ends the enclosing flow, or loop, after a step that succeeded."""

    skip_if_stopped: bool = False
    """Mark the flow as skipped instead of successful."""
    error_message: str | None = None
    """Fail the flow with this message; "" stands for the expression."""


class Mock(Lax):
    """A result that replaces running the step."""

    enabled: bool = False
    return_value: Any = None


class ConstantRetry(Lax):
    """The first retries, all after the same delay."""

    attempts: int = Field(default=0, ge=0)
    seconds: float = Field(default=0, ge=0)


class ExponentialRetry(Lax):
    """The retries after the constant ones."""

    attempts: int = Field(default=0, ge=0)
    multiplier: float = Field(default=1, ge=0)
    seconds: float = Field(default=0, ge=0)
    random_factor: int = Field(default=0, ge=0, le=100)
    """Upper bound of the jitter, in percent of the delay."""

    @model_validator(mode="after")
    def _needs_a_base(self) -> "ExponentialRetry":
        if self.attempts and not self.seconds:
            raise ValueError("exponential.seconds must be above 0 when attempts are asked for")
        return self


class Retry(Lax):
    """How often a failed step is run again."""

    constant: ConstantRetry = ConstantRetry()
    exponential: ExponentialRetry = ExponentialRetry()
    retry_if: Predicate | None = None
    """Sees `result` and `error`; retries end when it is false."""


class ResumeForm(Lax):
    """What whoever resumes is asked for."""

    form_schema: JsonObject = Field(default_factory=dict, alias="schema")
    """JSON Schema of the payload."""


class Suspend(Lax):
    """The flow waits after the step until enough people approved."""

    required_events: int = Field(default=0, ge=0)
    """Approvals needed; 0 waits for nothing."""
    timeout: Transform = Static(value=1800)
    """Seconds until the wait fails."""
    continue_on_disapprove_timeout: bool = False
    """Whether the flow goes on after a disapproval or the timeout."""
    resume_form: ResumeForm = ResumeForm()
    user_auth_required: bool = False
    """Whether only people who are logged in may resume; the host's to see to."""
    user_groups_required: Transform = Static(value=())
    """Groups whose members may resume; the host's to see to."""
    self_approval_disabled: bool = False
    """Whether who started the flow may not resume it; the host's to see to."""
