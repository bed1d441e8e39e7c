"""What the instruments saw of one trial, and what its framework says of itself beside it."""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass

from agentdyno.core.event import ModelCall, ModelTry, ToolCall
from agentdyno.core.pattern import coordinators
from agentdyno.core.trial import USER_SIMULATOR, Trial
from agentdyno.models.prices import is_billed


@dataclass(frozen=True, kw_only=True)
class Meter:
    """What a framework reports of its own usage, less what the wire told it. 0 is agreement; None
    stands for a number that the framework does not report."""

    requests: int | None
    """Model calls that were answered."""
    prompt_tokens: int | None
    completion_tokens: int | None
    untold: int = 0
    """Answered calls whose response told no usage, such as a stream that was not asked for it:
    whatever a framework reports for them is its own count."""

    @property
    def mismatch(self) -> bool:
        """Whether any reported number differs."""
        return any((self.requests, self.prompt_tokens, self.completion_tokens))

    @property
    def silent(self) -> bool:
        """Whether the framework reports none of them."""
        return self.requests is self.prompt_tokens is self.completion_tokens is None

    @property
    def size(self) -> int:
        """Return how much the reported numbers are off, to find the worst trial."""
        return sum(abs(n or 0) for n in (self.requests, self.prompt_tokens,
                                         self.completion_tokens))


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the instruments saw of one trial. Calls of a simulated user and of judges are
    counted apart."""

    passed: bool
    """Every check passed."""
    model_calls: int
    prompt_tokens: int
    completion_tokens: int
    tool_calls: int
    coordination_calls: int
    """The part of `model_calls` that agents made who only coordinate."""
    coordination_tokens: int
    """Prompt and completion tokens of those calls."""
    coordination_usd: float | None
    """US dollars of those calls; None as in `cost_usd`."""
    wall_s: float
    cpu_s: float
    """CPU seconds of the framework's process, this trial's share."""
    cold: bool
    """The first trial of its process: its CPU time includes what the framework imports lazily."""
    peak_rss_mb: float
    answered: bool
    """Whether the runner returned; one that raised cannot report its usage."""
    meter: Meter | None
    """None when the framework reports no usage."""
    billed: bool
    """Whether a provider that sends bills answered a call."""
    cost_usd: float | None
    """US dollars; None when nobody bills, and when any price is unknown."""
    sources: tuple[str, ...] = ()
    """Where answers came from: `scripted`, `live`, `recorded`."""
    first_tokens_s: tuple[float, ...] = ()
    """Seconds from request to first content of every streamed answer."""
    gaps_ms: tuple[float, ...] = ()
    """Milliseconds between consecutive content chunks, of all streams."""
    gateway_retries: int = 0
    """Attempts of the gateway after which it tried again."""
    fallbacks: int = 0
    """Calls for which it went on to another model."""
    swallowed: int = 0
    """Streams without a finish reason that the framework took for whole answers."""
    user_calls: int = 0
    """Model calls of a simulated user."""
    user_tokens: int = 0
    """Prompt and completion tokens of a simulated user."""
    user_billed: bool = False
    user_cost_usd: float | None = None
    """US dollars that a simulated user took; None as in `cost_usd`."""
    judge_calls: int = 0
    """Model calls of judges, once the trial was over."""
    judge_tokens: int = 0
    """Prompt and completion tokens of judges."""
    judge_billed: bool = False
    judge_cost_usd: float | None = None
    """US dollars that judges took; None as in `cost_usd`."""


# By identity, since a trial's hash goes through all its events, and for as long as the trial lives.
_known: dict[int, tuple[weakref.ref[Trial], Measured]] = {}


def measure(trial: Trial) -> Measured:
    """Return the numbers of one trial; tokens and calls are counted on the wire, once."""
    at = id(trial)
    known = _known.get(at)
    if known is not None and known[0]() is trial:
        return known[1]
    measured = _measured(trial)
    _known[at] = weakref.ref(trial, lambda gone: _forget(at, gone)), measured
    return measured


def _forget(at: int, gone: weakref.ref[Trial]) -> None:
    # Another trial may have got the place meanwhile.
    if (known := _known.get(at)) is not None and known[0] is gone:
        del _known[at]


def _measured(trial: Trial) -> Measured:
    every = [event for event in trial.events if isinstance(event, ModelCall)]
    calls = [call for call in every if call.agent != USER_SIMULATOR]
    users = [call for call in every if call.agent == USER_SIMULATOR]
    judges = [event for event in trial.judging if isinstance(event, ModelCall)]
    leaders = coordinators(trial.pattern) if trial.pattern else ()
    leading = [call for call in calls if call.agent in leaders]
    tries = [event.decision for event in trial.events if isinstance(event, ModelTry)]
    return Measured(
        passed=bool(trial.verdicts) and all(v.status == "pass" for v in trial.verdicts),
        model_calls=len(calls),
        prompt_tokens=sum(call.tokens.prompt for call in calls if call.tokens),
        completion_tokens=sum(call.tokens.completion for call in calls if call.tokens),
        tool_calls=sum(isinstance(event, ToolCall) for event in trial.events),
        coordination_calls=len(leading),
        coordination_tokens=sum(c.tokens.prompt + c.tokens.completion for c in leading if c.tokens),
        coordination_usd=total_cost(leading),
        wall_s=trial.duration_s,
        cpu_s=trial.report.cpu_s,
        cold=trial.report.cold,
        peak_rss_mb=trial.report.peak_rss_mb,
        answered=trial.report.answer is not None or trial.usage_reported is not None,
        meter=reconcile(trial),
        billed=any(map(is_bill, calls)),
        cost_usd=total_cost(calls),
        sources=tuple(sorted({call.source for call in calls})),
        first_tokens_s=tuple(
            call.first_token_s - call.started_s for call in calls
            if call.stream and call.first_token_s is not None
        ),
        gaps_ms=tuple(gap for call in calls for gap in call.gaps_ms),
        gateway_retries=tries.count("retry"),
        fallbacks=tries.count("fallback"),
        swallowed=sum(call.truncated and call.error is None for call in calls),
        user_calls=len(users),
        user_tokens=sum(c.tokens.prompt + c.tokens.completion for c in users if c.tokens),
        user_billed=any(map(is_bill, users)),
        user_cost_usd=total_cost(users),
        judge_calls=len(judges),
        judge_tokens=sum(c.tokens.prompt + c.tokens.completion for c in judges if c.tokens),
        judge_billed=any(map(is_bill, judges)),
        judge_cost_usd=total_cost(judges),
    )


def reconcile(trial: Trial) -> Meter | None:
    """Return how the usage that a trial's framework reports differs from what the wire told it.

    The wire told it the usage in each answered response; embeddings and the simulated user's calls
    are not the framework's.

    Returns:
        None when the framework reports nothing.
    """
    usage = trial.usage_reported
    if usage is None:
        return None
    answered = [
        event for event in trial.events
        if isinstance(event, ModelCall) and event.agent != USER_SIMULATOR
        and event.api != "embeddings" and event.status == 200 and event.error is None
    ]
    told = [call.usage_sent for call in answered if call.usage_sent]

    def off(reported: int | None, wire: int) -> int | None:
        return None if reported is None else reported - wire

    return Meter(
        requests=off(usage.requests, len(answered)),
        prompt_tokens=off(usage.prompt_tokens, sum(count.prompt for count in told)),
        completion_tokens=off(usage.completion_tokens, sum(count.completion for count in told)),
        untold=len(answered) - len(told),
    )


def is_bill(call: ModelCall) -> bool:
    """Tell whether somebody bills this call."""
    return call.source == "live" and call.tokens is not None and is_billed(call.provider)


def total_cost(calls: Sequence[ModelCall]) -> float | None:
    """Return US dollars for `calls`; None when nobody bills or any price is unknown."""
    costs = [call.cost_usd for call in calls if is_bill(call)]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if costs and len(known) == len(costs) else None


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return the value below which `share` (0 to 1) of `values` lie, between neighbours by a
    straight line (Hyndman and Fan's type 7, numpy's default); None of no values."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
