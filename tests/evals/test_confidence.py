"""Signals of a trial, the figure that they make, and its calibration."""

import math
from typing import Any

import pytest

from agentdyno.core.event import Message, ModelCall, ModelTry, ToolCall
from agentdyno.core.trial import Outcome, Trial
from agentdyno.evals.confidence import FLOOR, WEIGHTS, calibrate, confidence
from agentdyno.evals.signals import Signals, signals
from agentdyno.tests.experiments.trials import model_call, sealed


def tool(result: str = "42", *, error: str | None = None, **more: Any) -> ToolCall:
    """Return a call of market.returns."""
    return ToolCall.model_validate({
        "agent": "solo", "started_s": 0, "ended_s": 1, "ordinal": 0, "server": "market",
        "tool": "returns", "arguments": {"symbol": "IBM"}, "is_error": error is not None,
        "error_kind": error, "result_text": result, **more,
    })


def says(agent: str, text: str) -> Message:
    """Return a message."""
    return Message(agent=agent, started_s=0, ended_s=0, text=text)


def trial(*events: Any, answer: str = "", **more: Any) -> Trial:
    """Return a sealed trial with these events and this answer."""
    return sealed(events=events).model_copy(update={"answers": (answer,), **more})


def test_a_trial_without_ground_for_a_signal_has_none() -> None:
    assert signals(trial()) == Signals()
    assert confidence(trial()) is None


def test_tools_that_fail_lower_tool_success_and_refusals_do_not_count() -> None:
    found = signals(trial(tool(), tool(error="tool_error"), tool(error="rejected")))
    assert found.tool_success == 0.5
    assert found.schema_validity == 1.0


def test_calls_that_cannot_be_made_lower_schema_validity() -> None:
    found = signals(trial(
        tool(), tool(), tool(error="invalid_arguments"), tool(error="not_allowed")
    ))
    assert (found.schema_validity, found.tool_success) == (0.5, 1.0)


@pytest.mark.parametrize(("answer", "share"), [
    ("Nothing is cited here.", None),
    ("It grew by 42 % (market.returns).", 1.0),
    ("As [mandate.md] says, [nowhere.md] too.", 0.5),
    ("See [the mandate](mandate.md).", 1.0),
    ("See https://example.org/made-up for more.", 0.0),
    ('```json facts\n{"pair": ["IBM", "GOOG"]}\n```', None),
])
def test_a_citation_resolves_to_a_tool_or_to_what_a_tool_was_asked_or_said(
    answer: str, share: float | None
) -> None:
    read = tool("The rules.", server="docs", tool="read", arguments={"document": "mandate.md"})
    assert signals(trial(tool(), read, answer=answer)).citations == share


def test_what_is_tried_again_lowers_steadiness() -> None:
    again = ModelTry(agent="solo", started_s=0, ended_s=0, ordinal=0, attempt=1, provider="p",
                     model="m", decision="retry")
    calls: list[ModelCall] = [model_call(1), model_call(1)]
    assert signals(trial(*calls)).steadiness == 1.0
    assert signals(trial(*calls, again, again)).steadiness == 0.5
    failed = tool(error="tool_error")
    assert signals(trial(*calls, failed, failed)).steadiness == 0.75


def test_agents_disagree_where_their_last_words_on_a_fact_differ() -> None:
    found = signals(trial(
        says("a", '```json plan\n{"sum": 100, "who": "ann", "own": 1}\n```'),
        says("b", '```json plan\n{"sum": 90, "who": "ann"}\n```'),
        says("b", 'Sorry: ```json plan\n{"sum": 100.0}\n```'),
        says("c", "```json\nnot json\n```"),
        says("c", '```json\n{"who": "bob"}\n```'),
    ))
    assert found.agreement == 0.5


def test_the_figure_is_the_weighted_geometric_mean_of_the_signals_that_are_there() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    known = Signals(tool_success=0.5, schema_validity=1.0, citations=0.0)
    expected = math.exp((0.3 * math.log(0.5) + 0.2 * math.log(FLOOR)) / 0.7)
    assert confidence(trial(), known) == pytest.approx(expected)
    assert confidence(trial(), Signals(steadiness=1.0)) == 1.0


def test_a_trial_that_did_not_complete_deserves_none() -> None:
    assert confidence(trial(tool(), outcome=Outcome.LIMIT)) == 0.0


def test_calibration_is_the_brier_score_with_its_reliability_curve() -> None:
    told = [(0.9, True), (0.9, True), (0.9, False), (0.2, False), (1.0, True), (None, True)]
    found = calibrate(told)
    assert found
    assert (found.n, found.without) == (5, 1)
    assert found.brier == pytest.approx((0.01 + 0.01 + 0.81 + 0.04 + 0) / 5)
    assert found.base == pytest.approx(0.6 * 0.4)
    curve = [(b.low, b.passed.n, b.passed.value) for b in found.bins]
    assert curve == [(0.2, 1, 0), (0.9, 4, 0.75)]
    assert found.bins[1].mean == pytest.approx(0.925)
    assert found.reliability == pytest.approx((1 * 0.2**2 + 4 * 0.175**2) / 5)
    assert found.skill == pytest.approx(1 - found.brier / found.base)


def test_where_all_outcomes_are_equal_nothing_can_be_foretold() -> None:
    found = calibrate([(0.9, True), (1.0, True)])
    assert found
    assert found.skill is None
    assert calibrate([(None, True)]) is None
