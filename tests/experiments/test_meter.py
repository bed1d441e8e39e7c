"""Usage that a framework reports beside what the wire told it, and what else a row tells."""

from typing import Any

import pytest

from agentdyno.core.event import ModelCall, ModelTry, TokenCount
from agentdyno.core.trial import USER_SIMULATOR, Outcome, Trial, Usage
from agentdyno.experiments.summary import Row, measure, quantile, reconcile, summarize
from agentdyno.tests.experiments.trials import model_call, sealed


def told(prompt: int = 100, completion: int = 10, **more: Any) -> ModelCall:
    """Return an answered call whose response told its usage."""
    count = TokenCount(prompt=prompt, completion=completion)
    return model_call(prompt, completion).model_copy(
        update={"usage_sent": count, "tokens": count, **more})


def reporting(usage: Usage | None, *events: Any, **key: Any) -> Trial:
    """Return a trial whose framework reports `usage`."""
    trial = sealed(events=events, repeat=key.pop("repeat", 0))
    return trial.model_copy(update={
        "usage_reported": usage, "key": trial.key.model_copy(update=key),
    })


def row(*trials: Trial) -> Row:
    (found,) = summarize(trials)
    return found


def test_a_framework_that_reports_what_the_wire_told_it_is_equal() -> None:
    usage = Usage(requests=2, prompt_tokens=200, completion_tokens=20)
    trial = reporting(usage, told(), told())
    meter = reconcile(trial)
    assert meter
    assert (meter.requests, meter.prompt_tokens, meter.completion_tokens) == (0, 0, 0)
    assert not meter.mismatch
    assert row(trial).meter == "equal"


@pytest.mark.parametrize(("usage", "off"), [
    (Usage(requests=3, prompt_tokens=200, completion_tokens=20), (1, 0, 0)),
    (Usage(requests=2, prompt_tokens=212, completion_tokens=20), (0, 12, 0)),
    (Usage(requests=None, prompt_tokens=200, completion_tokens=0), (None, 0, -20)),
])
def test_any_difference_is_a_meter_mismatch(
    usage: Usage, off: tuple[int | None, int | None, int | None]
) -> None:
    trial = reporting(usage, told(), told())
    meter = reconcile(trial)
    assert meter
    assert meter.mismatch
    assert (meter.requests, meter.prompt_tokens, meter.completion_tokens) == off
    found = row(trial)
    assert (found.meter, found.meter_mismatches, found.meter_difference) == ("mismatch", 1, meter)


def test_one_wrong_trial_of_many_is_shown_with_its_difference() -> None:
    good = Usage(requests=1, prompt_tokens=100, completion_tokens=10)
    bad = Usage(requests=1, prompt_tokens=150, completion_tokens=10)
    found = row(reporting(good, told()), reporting(bad, told(), repeat=1))
    assert (found.meter, found.meter_mismatches) == ("mismatch", 1)
    assert found.meter_difference
    assert found.meter_difference.prompt_tokens == 50


def test_a_framework_that_reports_nothing_is_not_reported() -> None:
    trial = sealed(events=(told(),)).model_copy(update={"usage_reported": Usage()})
    assert row(trial).meter == "not_reported"
    assert reconcile(sealed(events=(told(),))) is None


def test_a_runner_that_raised_could_not_report_anything() -> None:
    assert row(sealed(outcome=Outcome.AGENT_FAULT, passed=False)).meter is None


def test_calls_that_were_not_answered_and_embeddings_are_not_the_frameworks_usage() -> None:
    usage = Usage(requests=1, prompt_tokens=100, completion_tokens=10)
    failed = told(status=429, error="slow down", usage_sent=None)
    assert row(reporting(usage, told(), failed, told(api="embeddings"))).meter == "equal"


def test_answers_that_told_no_usage_are_counted_beside_the_difference() -> None:
    meter = reconcile(reporting(Usage(prompt_tokens=200), told(), told(usage_sent=None)))
    assert meter
    assert (meter.prompt_tokens, meter.untold) == (100, 1)


def test_a_simulated_user_is_counted_apart() -> None:
    seen = measure(reporting(None, told(), told(50, 5, agent=USER_SIMULATOR)))
    assert (seen.model_calls, seen.prompt_tokens) == (1, 100)
    assert (seen.user_calls, seen.user_tokens) == (1, 55)
    assert row(reporting(None, told(), told(50, 5, agent=USER_SIMULATOR))).user_tokens == 55


def live(cost: float | None, **more: Any) -> ModelCall:
    return told(source="live", provider="openai", cost_usd=cost, **more)


def test_cost_is_unknown_when_any_price_is_and_never_zero() -> None:
    assert row(reporting(None, live(0.5), live(0.25))).cost_usd == 0.75
    assert row(reporting(None, live(0.5), live(None))).cost_usd == "unknown"
    assert row(reporting(None, told())).cost_usd is None
    assert row(reporting(None, told(source="live", provider="ollama"))).cost_usd is None


@pytest.mark.parametrize("condition", [
    {"retries": "as-shipped"}, {"faults": "storm:0a1b2c3d"}, {"model": "openai:gpt-x"},
    {"tools": "replay"}, {"stream": True}, {"variant": "brief"},
])
def test_trials_under_other_conditions_are_another_row_with_its_own_yardstick(
    condition: dict[str, Any]
) -> None:
    rows = summarize([reporting(None, told(100)), reporting(None, told(300), **condition)])
    assert len(rows) == 2
    assert [one.extra_prompt_tokens for one in rows] == [0, 0]


def test_first_tokens_and_gaps_are_quantiles_over_all_streams() -> None:
    calls = [
        told(stream=True, started_s=1.0, first_token_s=1.0 + wait, gaps_ms=gaps, source="recorded")
        for wait, gaps in ((0.1, (10.0, 20.0)), (0.3, (30.0, 40.0, 50.0)))
    ]
    found = row(reporting(None, *calls, stream=True))
    assert found.first_token_s == pytest.approx(0.2)
    assert (found.gap_p50_ms, found.gap_p95_ms) == (30.0, pytest.approx(48.0))
    assert found.sources == ("recorded",)


def test_quantiles_are_those_of_the_standard_library() -> None:
    from statistics import quantiles

    values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]
    cuts = quantiles(values, n=20, method="inclusive")
    assert quantile(values, 0.95) == pytest.approx(cuts[18])
    assert quantile(values, 0.5) == pytest.approx(cuts[9])
    assert quantile([7.0], 0.95) == 7.0
    assert quantile([], 0.5) is None


def test_gateway_retries_fallbacks_and_swallowed_streams_are_summed_over_trials() -> None:
    def attempt(decision: Any) -> ModelTry:
        return ModelTry(agent="solo", started_s=0, ended_s=0, ordinal=0, attempt=1,
                        provider="openai", model="m", decision=decision)

    tries = [attempt(decision) for decision in ("retry", "retry", "fallback", "answered")]
    swallowed = told(truncated=True, stream=True)
    refused = told(truncated=True, stream=True, error="broke off", usage_sent=None)
    found = row(reporting(None, *tries, swallowed), reporting(None, refused, repeat=1))
    assert (found.gateway_retries, found.fallbacks, found.swallowed) == (2, 1, 1)
