"""An experiment: variants of scenarios compared by a test that was planned before it ran."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from agentdyno.core.noun import Noun
from agentdyno.core.spec import Name
from agentdyno.core.suite import METRIC, RelativePath
from agentdyno.core.trial import Retries
from agentdyno.core.variant import BASELINE, Variant

MetricName = Annotated[str, Field(pattern=METRIC)]
"""A metric of trials, such as `passed` or `prompt_tokens`, or `check:ID`."""


class Size(Noun):
    """How much is run at most: `trials` given, or found from the `effect` that must show."""

    trials: int | None = Field(default=None, ge=1, le=10_000)
    """Repeats of each case on each runner in each variant."""
    effect: float | None = Field(default=None, gt=0, le=1)
    """Difference of rates that must show: 0.1 is ten points."""
    power: float = Field(default=0.8, gt=0, lt=1)
    """Chance with which it must show."""
    rate: float = Field(default=0.8, ge=0, le=1)
    """Rate of the baseline to expect: it says how far trials will scatter."""
    between: float = Field(default=0.0, ge=0)
    """Standard deviation of the true difference between cases, for a test of fixed size."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.trials is None) == (self.effect is None):
            raise ValueError("a size is either `trials`, or the `effect` that must show")
        if self.trials is not None and (said := self.model_fields_set - {"trials"}):
            raise ValueError(f"{min(said)} says how `trials` are found from an `effect`")
        return self


class Stopping(Noun):
    """When an experiment ends."""

    rule: Literal["fixed", "sequential"] = "fixed"
    """`fixed`: judged once, when all trials ran. `sequential`: judged after every look, by a test
    that may be looked at as often as one likes, and ended as soon as it can tell."""
    trials_per_look: int | None = Field(default=None, ge=1)
    """Repeats that each look adds; by default an eighth of the size where looks are judged, else
    all of it."""


class Experiment(Noun):
    """`experiments/NAME.yaml`: variants of scenarios, held against one of them."""

    name: Name
    """Identifier; what ran is kept under it."""
    hypothesis: str = Field(min_length=1)
    """What is expected of which variant, and why, in words."""
    scenarios: Annotated[tuple[str, ...], Field(min_length=1)]
    """Scenarios of the library, or paths relative to this file; each may name an `.arrangement`.
    All their cases are run; comparisons are paired case by case."""
    runners: tuple[str, ...] = ()
    """Runners, each with an optional `@version`; every bundled runner when empty. A case's value is
    the mean over runners."""
    variants: dict[Name, Variant] = Field(default_factory=dict)
    """Variants by name, in place of those that the scenarios declare; `file:` prompts lie beside
    this file."""
    arms: tuple[Name, ...] = ()
    """Variants that take part: of `variants`, or of the scenario's own when there are none, or
    `production` and `candidate` of the prompt registry. All of `variants` when empty."""
    baseline: Name = BASELINE
    """The variant that the others are held against; `baseline` is the scenario as it is."""
    metric: MetricName = "passed"
    """The primary metric, which decides."""
    better: Literal["higher", "lower"] | None = None
    """Which way is good, where it is not the metric's own."""
    margin: float | None = Field(default=None, ge=0)
    """What does not matter: a difference of rates, the part by which a quantity may be off. The
    metric's own when absent."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Chance that any variant at all is called better or worse by luck."""
    size: Size
    """How much is run at most."""
    stopping: Stopping = Stopping()
    """When it ends."""
    guards: dict[MetricName, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """What must not get worse, by more than this margin: a difference of rates, the part by which a
    quantity may grow."""
    min_coverage: float = Field(default=0.9, gt=0, le=1)
    """Share of trials that must count in every variant; below it nothing is said."""
    model: Literal["scripted", "live", "record", "replay"] = "scripted"
    """Where answers come from."""
    llm: str | None = Field(default=None, min_length=1)
    """Live model of agents that name none."""
    providers: RelativePath | None = None
    """YAML file of further providers."""
    cassettes: RelativePath = "cassettes"
    """Folder of the recordings."""
    tools: Literal["live", "replay"] = "live"
    """Where tool results come from."""
    retries: Retries = "uniform"
    """Retry profile."""
    stream: bool = False
    """Whether models are asked for streamed responses."""
    seed: int = 0
    """Seed of every seeded chance."""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if not self.variants and not self.arms:
            raise ValueError("compares nothing: give variants, or name some of the scenario's in"
                             " arms")
        if self.metric in self.guards:
            raise ValueError(f"{self.metric} is the primary metric, it cannot be a guard too")
        for what, names in (("scenario", self.scenarios), ("arm", self.arms)):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"names the {what} {twice[0]} twice")
        runners = [runner.partition("@")[0] for runner in self.runners]
        if len(set(runners)) < len(runners):
            raise ValueError("names a runner twice; an experiment has one version of each")
        if not self.challengers:
            raise ValueError(f"holds {self.baseline} against nothing: name another variant")
        return self

    @property
    def challengers(self) -> tuple[str, ...]:
        """Return the variants that are held against the baseline, in order."""
        return tuple(name for name in (self.arms or self.variants) if name != self.baseline)
