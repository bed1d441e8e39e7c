"""The check that a model answers: a metric of DeepEval, or a criterion in words."""

from typing import Literal, Self

from pydantic import Field, model_validator

from agentdyno.core.canonical import content_hash
from agentdyno.core.checkbase import AnswerCheck, ToolName
from agentdyno.core.judged import JUDGE

JudgeMetric = Literal[
    "GEval", "TaskCompletion", "ArgumentCorrectness", "StepEfficiency", "PlanQuality",
    "PlanAdherence", "AnswerRelevancy", "Faithfulness", "ContextualPrecision", "ContextualRecall",
    "ContextualRelevancy",
]
Evidence = Literal["input", "output", "expected", "context", "tools"]

NEEDS_EXPECTED = ("ContextualPrecision", "ContextualRecall")
"""Metrics that compare with an expected answer."""
NEEDS_CONTEXT = (
    "Faithfulness", "ContextualPrecision", "ContextualRecall", "ContextualRelevancy",
)
"""Metrics that look at what was retrieved."""


class JudgeCheck(AnswerCheck):
    """A model judges the trial by a metric, once it is over. Needs the extra `deepeval`.

    Its calls are those of the pseudo-agent `judge`: counted apart, within the run's budgets,
    recorded and replayed like any other. See design/judges.md.
    """

    type: Literal["judge"]
    metric: JudgeMetric
    """DeepEval's metric; `GEval` judges by `criteria` or `steps` in your own words."""
    threshold: float = Field(default=0.5, gt=0, le=1)
    """Least score, from 0 to 1, that passes."""
    criteria: str | None = Field(default=None, min_length=1)
    """What `GEval` judges by; it makes the steps itself, with a model call of their own."""
    steps: tuple[str, ...] = ()
    """Steps that `GEval` follows, instead of `criteria`."""
    consider: tuple[Evidence, ...] = ("input", "output")
    """What `GEval` is shown, in this order."""
    expected: str | None = Field(default=None, min_length=1)
    """The expected answer, for metrics that compare with one."""
    context: tuple[str, ...] = ()
    """What the answer should rest on; without it, the results of `context_tools`."""
    context_tools: tuple[ToolName, ...] = ()
    """Tools whose results are what was retrieved; every tool's, when absent."""
    model: str = Field(default=JUDGE, min_length=1)
    """Alias in `models`, or `provider:name`; where `models` has no `judge`, `--llm` judges. All
    judges of one scenario share a model."""
    samples: int = Field(default=1, ge=1, le=25)
    """How often it is asked; their mean is the score."""

    @model_validator(mode="after")
    def _fits_its_metric(self) -> Self:
        own = self.model_fields_set & {"criteria", "steps", "consider"}
        if self.metric != "GEval" and own:
            raise ValueError(f"{', '.join(sorted(own))}: only GEval takes these")
        if self.metric == "GEval":
            if bool(self.criteria) == bool(self.steps):
                raise ValueError("GEval needs either criteria or steps")
            if not self.consider or len(set(self.consider)) < len(self.consider):
                raise ValueError("consider names something twice, or nothing")
        if self.expected is None and (
            self.metric in NEEDS_EXPECTED or "expected" in self.consider
        ):
            raise ValueError(f"{self.metric} compares with an expected answer; give expected")
        return self

    @property
    def question(self) -> str:
        """Return the hash of what is asked; a stored score answers it whatever the threshold."""
        return content_hash(self.model_dump(mode="json", exclude={"id", "threshold"}))[:16]

    @property
    def kind(self) -> str:
        """Return the hash of how it is asked, whatever the case."""
        how = {"metric", "criteria", "steps", "consider", "samples"}
        return content_hash(self.model_dump(mode="json", include=how))[:16]
