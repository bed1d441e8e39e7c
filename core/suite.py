"""A suite: what a gate runs, and what it makes of the difference to its baseline."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from agentdyno.core.noun import Noun
from agentdyno.core.spec import Name
from agentdyno.core.trial import Retries

RelativePath = Annotated[str, Field(min_length=1)]
"""A path, relative to the suite's file."""
METRIC = r"^(checks|check:.+|[a-z][a-z0-9_]*)$"


class Policy(Noun):
    """What fails a gate."""

    inconclusive: Literal["pass", "warn", "fail"] = "warn"
    """What it means that too few trials ran to tell: `fail` ends with exit code 6."""
    wire: Literal["fail", "warn", "ignore"] = "fail"
    """What it means that models or tools were asked otherwise than in the baseline."""
    min_coverage: float = Field(default=0.9, gt=0, le=1)
    """Share of trials that must count, on both sides; below it nothing is said."""


class Suite(Noun):
    """`agentdyno gate SUITE.yaml`: scenarios on runners, held against a blessed baseline."""

    name: Name
    """Name of the suite; a baseline belongs to the suite of its name."""
    scenarios: Annotated[tuple[str, ...], Field(min_length=1)]
    """Scenarios of the library, or paths relative to this file; each may name an `.arrangement`
    and a `:case`."""
    runners: tuple[str, ...] = ()
    """Runners, each with an optional `@version`; every bundled runner when empty."""
    trials: int = Field(default=1, ge=1, le=1000)
    """Repeats of each scenario on each runner."""
    seed: int = 0
    """Seed of every seeded chance."""
    model: Literal["replay", "scripted", "live"] = "replay"
    """Where answers come from: cassettes, the scripted model, or providers."""
    llm: str | None = Field(default=None, min_length=1)
    """Live model of agents that name none, for `model: live` and for recording."""
    providers: RelativePath | None = None
    """YAML file of further providers, for the same."""
    tools: Literal["live", "replay"] | None = None
    """Where tool results come from; by default the cassettes where the model's answers do."""
    retries: Retries = "uniform"
    """Retry profile."""
    stream: bool = False
    """Whether models are asked for streamed responses."""
    cassettes: RelativePath = "cassettes"
    """Folder of the recordings."""
    baseline: RelativePath | None = None
    """The blessed file; `NAME.baseline.json` beside this file when absent."""
    metrics: Annotated[tuple[Annotated[str, Field(pattern=METRIC)], ...], Field(min_length=1)] | (
        None) = None
    """What is judged: metrics by name, `checks` for every family of checks. Absent: the checks
    and every metric that no clock decides. Fewer metrics need fewer trials."""
    margins: dict[Annotated[str, Field(pattern=METRIC)], Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict)
    """What does not matter, by metric: a difference of rates, the part by which a quantity may
    grow. `checks` is for all families, `check:FAMILY` for one. Naming `wall_s`, `cpu_s` or
    `first_token_s` has them judged."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Chance of a false alarm, over everything that is judged at once."""
    policy: Policy = Policy()
    """What fails the gate."""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        names = [runner.partition("@")[0] for runner in self.runners]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"names the runner {twice[0]} twice; a suite has one version of each")
        if len(set(self.scenarios)) < len(self.scenarios):
            raise ValueError("names a scenario twice")
        if self.model != "replay" and self.tools == "replay":
            raise ValueError("tools: replay needs model: replay")
        return self

    @property
    def tool_source(self) -> Literal["live", "replay"]:
        """Return where tool results come from."""
        return self.tools or ("replay" if self.model == "replay" else "live")
