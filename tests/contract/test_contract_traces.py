"""On every runner each event and each exchange of a trial has a span, below whoever caused it."""

from collections.abc import Sequence
from typing import Any

import pytest

from agentdyno.core.approval import ApprovalPolicy
from agentdyno.core.event import ModelCall, ToolCall, WireRecord
from agentdyno.core.fault import FaultPlan
from agentdyno.core.pattern import PATTERNS, Single
from agentdyno.core.trial import Outcome, Trial, TrialKey
from agentdyno.experiments.conformance.case import MAIN, cases_of
from agentdyno.experiments.traces.build import spans_of
from agentdyno.experiments.traces.spans import EVENT_SEQ, WIRE_SEQ, Span
from agentdyno.models.retrying import RetryingUpstream, RetryPolicy
from agentdyno.tests.contract.lab import Lab, Run
from agentdyno.tests.contract.plays import once
from agentdyno.tools.approvals import Approvals
from agentdyno.tools.approvers import ScriptedApprover

POLICY = ApprovalPolicy.model_validate({
    "risks": {"echo.echo": "high"},
    "script": [{"tool": "echo.echo", "decision": "approve"}],
})
SITUATIONS: dict[str, dict[str, Any]] = {
    "ORDER": {},
    "FAIL": {},
    "PARALLEL": {"stream": True},
    "BREAK 500": {},
    "ALLOW": {"approvals": Approvals(
        policy=POLICY, approver=ScriptedApprover(POLICY.script), scenario="contract")},
    "ECHO red": {
        "faults": FaultPlan.model_validate(
            {"name": "lost", "faults": [{"on": "model", "call": 2, "kind": "http_503"}]}),
        "wrap": lambda upstream, sink: RetryingUpstream(
            upstream, sink, RetryPolicy(first_wait_s=0.0)),
    },
}


def _sealed(run: Run, runner: str) -> Trial:
    key = TrialKey(scenario="contract", scenario_digest="d", runner=runner, runner_version="1",
                   runner_digest="d", model_digest="d")
    events = (*run.sink.events, *run.declared)
    return Trial(
        id=run.sink.trial_id, key=key, outcome=Outcome.COMPLETED, pattern=Single(agent="solo"),
        started_at="2026-01-01T00:00:00+00:00", duration_s=run.sink.now(), report=run.report,
        events=tuple(sorted(events, key=lambda event: event.started_s)),
    )


def _hold(trial: Trial, wire: Sequence[WireRecord]) -> None:
    spans = spans_of(trial, wire)
    shown = [one.attributes for span in spans for one in (span, *span.events)]
    assert sorted(a[EVENT_SEQ] for a in shown if EVENT_SEQ in a) == [*range(len(trial.events))]
    assert sorted(a[WIRE_SEQ] for a in shown if WIRE_SEQ in a) == [r.seq for r in wire]
    by_id = {span.span_id: span for span in spans}
    assert len(by_id) == len(spans)
    for span in spans:
        _hold_one(trial, span, by_id)
    chats = [span for span in spans if span.kind == "model"]
    assert sum(int(str(s.attributes.get("gen_ai.usage.input_tokens", 0))) for s in chats) == sum(
        e.tokens.prompt for e in trial.events if isinstance(e, ModelCall) and e.tokens
    )


def _hold_one(trial: Trial, span: Span, by_id: dict[str, Span]) -> None:
    assert span.start_ns <= span.end_ns
    parent = by_id[span.parent_id] if span.parent_id else None
    if parent is None:
        assert span.kind == "trial"
        return
    if EVENT_SEQ not in span.attributes:
        return
    event = trial.events[int(str(span.attributes[EVENT_SEQ]))]
    assert (span.error is not None) == (
        (isinstance(event, ModelCall) and event.error is not None)
        or (isinstance(event, ToolCall) and event.is_error)
        or (event.kind == "model_try" and event.error is not None)
    )
    if span.kind in ("model", "tool", "approval"):
        assert (parent.kind, parent.attributes["gen_ai.agent.name"]) == ("agent", event.agent)
        assert parent.start_ns <= span.start_ns
        assert span.end_ns <= parent.end_ns
        # What the exchange held is there to be read.
        assert span.input
        assert span.output or span.error is not None


@pytest.mark.requirement("runner:trace:complete")
@pytest.mark.parametrize("said", SITUATIONS)
async def test_a_trace_of_one_agent_shows_all_that_was_seen(lab: Lab, runner: str, said: str):
    run = await lab.run(said, **SITUATIONS[said])
    _hold(_sealed(run, runner), run.sink.wire)


@pytest.mark.requirement("runner:trace:complete")
@pytest.mark.parametrize("pattern", PATTERNS)
async def test_a_trace_of_a_team_shows_all_that_was_seen(lab: Lab, runner: str, pattern: str):
    played = await once(runner, cases_of(pattern)[MAIN], lab)
    _hold(played.trial, played.wire)
