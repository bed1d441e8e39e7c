"""A retry on the wire that nobody asked for, told from calls that are only alike."""

import json
from typing import Any

import pytest

from agentdyno.core.event import ModelCall, WireRecord
from agentdyno.core.trial import Outcome, Retries, Trial, TrialKey, WorkerReport
from agentdyno.evals.conformance import NO_RETRIES, conformance, swallowed, unasked_retries

Call = tuple[str, str, int]
"""Agent, what it asks, and the status of the answer."""


def sealed(
    *calls: Call, counted: int = 0, retries: Retries = "uniform"
) -> tuple[Trial, list[WireRecord]]:
    events, wire = [], []
    for at, (agent, text, status) in enumerate(calls):
        events.append(ModelCall(
            agent=agent, started_s=at, ended_s=at, ordinal=at, api="chat", model="default",
            stream=False, status=status, retry_count=counted if at else 0,
        ))
        body = json.dumps({"messages": [{"role": "user", "content": text}]}, indent=at or None)
        wire.append(WireRecord(
            seq=at, channel="model", agent=agent, started_s=at, request=body, response=""
        ))
    key = TrialKey(scenario="s", scenario_digest="0", runner="r", runner_version="1",
                   runner_digest="0", model_digest="0", retries=retries)
    trial = Trial(id="t", key=key, outcome=Outcome.COMPLETED, started_at="2026-01-01T00:00:00Z",
                  duration_s=1.0, events=tuple(events), report=WorkerReport(ended="returned"))
    return trial, wire


def test_a_client_that_counts_a_retry_has_made_one() -> None:
    (found,) = unasked_retries(*sealed(("a", "x", 429), ("a", "y", 200), counted=1))
    assert found.ordinal == 1


@pytest.mark.parametrize("status", [400, 429, 500])
def test_asking_the_same_again_after_an_error_is_a_retry(status: int) -> None:
    (found,) = unasked_retries(*sealed(("a", "x", status), ("a", "x", 200)))
    assert found.ordinal == 1


@pytest.mark.parametrize(
    "calls",
    [
        (("a", "x", 200), ("a", "x", 200)),
        (("a", "x", 500), ("a", "y", 200)),
        (("a", "x", 500), ("b", "x", 200)),
        (("a", "x", 499), ("a", "x", 200)),
        (("a", "x", 500), ("a", "y", 200), ("a", "x", 200)),
        (("user_simulator", "x", 500), ("user_simulator", "x", 200)),
    ],
    ids=["no error", "another question", "another agent", "hung up", "later", "simulated user"],
)
def test_what_is_no_retry(calls: tuple[Call, ...]) -> None:
    assert unasked_retries(*sealed(*calls)) == ()
    assert conformance(*sealed(*calls)) == ()


def test_uniform_fails_a_trial_with_a_retry_and_as_shipped_does_not() -> None:
    calls = (("a", "x", 429), ("a", "x", 429), ("a", "x", 200))
    (verdict,) = conformance(*sealed(*calls))
    assert (verdict.check, verdict.status) == (NO_RETRIES, "fail")
    assert verdict.reason.startswith("2 model calls were tried again by the framework, first call"
                                     " 1 of a")
    assert conformance(*sealed(*calls, retries="as-shipped")) == ()


@pytest.mark.parametrize(
    ("change", "ended", "notes"),
    [
        ({"truncated": True}, "returned",
         ("r took a stream without a finish reason for a whole answer: call 0 of a",)),
        ({"truncated": True}, "raised", ()),
        ({"truncated": True, "error": "no finish reason"}, "returned", ()),
        ({}, "returned", ()),
    ],
    ids=["swallowed", "refused", "made an error", "whole"],
)
def test_a_stream_without_an_end_that_nobody_minded_is_noted(
    change: dict[str, Any], ended: Any, notes: tuple[str, ...]
) -> None:
    trial, _ = sealed(("a", "x", 200), retries="as-shipped")
    (call,) = trial.events
    trial = trial.model_copy(update={
        "events": (call.model_copy(update=change),), "report": WorkerReport(ended=ended),
    })
    assert swallowed(trial) == notes
