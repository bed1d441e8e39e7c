"""What trials are compared by: one row per metric, with its direction and what does not matter."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentdyno.core.trial import Outcome, Trial
from agentdyno.evals.statistics.values import Values
from agentdyno.experiments.measured import Measured, measure

OUT_OF_COUNT = (Outcome.HARNESS_FAULT, Outcome.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One number of a trial."""

    name: str
    unit: str
    """"" for shares and counts."""
    higher_is_better: bool
    kind: Literal["difference", "ratio"]
    """How two arms are compared: rates by difference, quantities by ratio."""
    margin: float
    """What does not matter unless somebody says otherwise: a difference, or the part by which a
    ratio may be off 1."""
    of: Callable[[Trial, Measured], float | None]
    """The trial's value; None when it has none, such as a cost that is unknown."""
    measured: bool = True
    """Whether the clock or the machine decides: such numbers scatter even where nothing else does.
    """


def _quantity(
    name: str, margin: float, of: Callable[[Trial, Measured], float | None], *,
    unit: str = "", measured: bool = False,
) -> Metric:
    return Metric(
        name=name, unit=unit, higher_is_better=False, kind="ratio", margin=margin, of=of,
        measured=measured,
    )


METRICS: Mapping[str, Metric] = {
    metric.name: metric for metric in (
        Metric(
            name="passed", unit="", higher_is_better=True, kind="difference", margin=0.05,
            of=lambda trial, seen: float(seen.passed), measured=False,
        ),
        _quantity("model_calls", 0.1, lambda trial, seen: seen.model_calls),
        _quantity("prompt_tokens", 0.1, lambda trial, seen: seen.prompt_tokens),
        _quantity("completion_tokens", 0.1, lambda trial, seen: seen.completion_tokens),
        _quantity("tool_calls", 0.1, lambda trial, seen: seen.tool_calls),
        _quantity("coordination_tokens", 0.1, lambda trial, seen: seen.coordination_tokens),
        _quantity("cost_usd", 0.1, lambda trial, seen: seen.cost_usd, unit="USD"),
        _quantity("wall_s", 0.2, lambda trial, seen: seen.wall_s, unit="s", measured=True),
        _quantity("cpu_s", 0.2, lambda trial, seen: None if seen.cold else seen.cpu_s, unit="s",
                  measured=True),
        _quantity("first_token_s", 0.2, lambda trial, seen: _mean(seen.first_tokens_s), unit="s",
                  measured=True),
    )
}
"""Every metric that all trials may have, by name; checks add one each, see `check_metric`."""


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def check_metric(check: str) -> Metric:
    """Return the metric of one check: 1 when it passes, 0 when it fails, none when it is
    inconclusive or in error."""

    def of(trial: Trial, seen: Measured) -> float | None:
        status = next((v.status for v in trial.verdicts if v.check == check), None)
        return {"pass": 1.0, "fail": 0.0}.get(status or "")

    return Metric(
        name=f"check:{check}", unit="", higher_is_better=True, kind="difference", margin=0.05,
        of=of, measured=False,
    )


def values_of(
    trials: Sequence[Trial], metrics: Sequence[Metric]
) -> dict[str, Values]:
    """Return the values of each metric by case; trials that the bench spoiled are left out."""
    found: dict[str, dict[str, list[float]]] = {metric.name: {} for metric in metrics}
    for trial in trials:
        if trial.outcome in OUT_OF_COUNT:
            continue
        seen = measure(trial)
        for metric in metrics:
            value = metric.of(trial, seen)
            if value is not None:
                found[metric.name].setdefault(trial.key.situation, []).append(float(value))
    return {name: dict(by_case) for name, by_case in found.items()}
