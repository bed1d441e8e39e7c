"""The check of what a trial took."""

from collections.abc import Iterable
from pathlib import Path

from agentdyno.core.check import LimitsCheck
from agentdyno.core.event import ModelCall
from agentdyno.core.pattern import coordinators
from agentdyno.core.provider import is_billed
from agentdyno.core.trial import USER_SIMULATOR, Trial
from agentdyno.evals.finding import Finding, failed, passed


class UnknownCost(Exception):
    """A provider bills for a call and its price is not known, so no bound can be said to hold."""


def limits(trial: Trial, check: LimitsCheck, folder: Path) -> Finding:
    """Compare the gateways' counts with the bounds; a simulated user's calls are not counted.

    Raises:
        UnknownCost: the cost is asked about and the price of a call is unknown.
    """
    models = [
        event for event in trial.events
        if event.kind == "model_call" and event.agent != USER_SIMULATOR
    ]
    leaders = coordinators(trial.pattern) if trial.pattern else ()
    leading = [call for call in models if call.agent in leaders]
    tools = sum(event.kind == "tool_call" for event in trial.events)
    counts: dict[str, tuple[float, float | None]] = {
        "model calls": (len(models), check.model_calls),
        "tool calls": (tools, check.tool_calls),
        "prompt tokens": (_prompt(models), check.prompt_tokens),
        "completion tokens": (_completion(models), check.completion_tokens),
        "US dollars": (
            0.0 if check.cost_usd is None else _cost(models), check.cost_usd
        ),
        "coordination calls": (len(leading), check.coordination_calls),
        "coordination tokens": (
            _prompt(leading) + _completion(leading), check.coordination_tokens
        ),
        "seconds": (trial.duration_s, check.seconds),
    }
    asked = {name: (count, bound) for name, (count, bound) in counts.items() if bound is not None}
    text = ", ".join(f"{count:.6g} of at most {bound:.6g} {name}"
                     for name, (count, bound) in asked.items())
    return (passed if all(count <= bound for count, bound in asked.values()) else failed)(text)


def _prompt(calls: Iterable[ModelCall]) -> int:
    return sum(call.tokens.prompt for call in calls if call.tokens)


def _completion(calls: Iterable[ModelCall]) -> int:
    return sum(call.tokens.completion for call in calls if call.tokens)


def _cost(calls: Iterable[ModelCall]) -> float:
    total = 0.0
    for call in calls:
        if call.source != "live" or call.tokens is None or not is_billed(call.provider):
            continue
        if call.cost_usd is None:
            raise UnknownCost(
                f"the price of {call.provider} {call.provider_model or call.model} is not known"
            )
        total += call.cost_usd
    return total
