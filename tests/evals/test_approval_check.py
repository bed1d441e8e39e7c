"""The check `approval`: which call was decided about, by whom, and how."""

from pathlib import Path
from typing import Any

import pytest

from agentdyno.core.check import ApprovalCheck
from agentdyno.core.event import Approval
from agentdyno.core.trial import Outcome, Trial, TrialKey, Verdict, WorkerReport
from agentdyno.evals.checks import evaluate

REJECTED = Approval(
    agent="operator", started_s=0, ended_s=1, ordinal=0, server="ops", tool="rollback", risk="high",
    risk_from="policy", action="wait", shown={"service": "shop", "force": 1}, decision="rejected",
    approver="queue", decided_by="kim", reason="Not on a Friday.",
)


def verdict(*events: Approval, **asked: Any) -> Verdict:
    key = TrialKey(scenario="s", scenario_digest="0", runner="r", runner_version="0",
                   runner_digest="0", model_digest="0")
    trial = Trial(id="t", key=key, outcome=Outcome.COMPLETED, started_at="", duration_s=1,
                  events=events, report=WorkerReport(ended="returned"))
    fields = {"tool": "ops.rollback", "decision": "rejected", **asked}
    return evaluate(trial, [ApprovalCheck(id="a", type="approval", **fields)], Path())[0]


@pytest.mark.parametrize("asked", [
    {}, {"agent": "operator"}, {"arguments": {"service": "shop"}},
    {"decision": "approved", "absent": True}, {"tool": "ops.scale", "absent": True},
])
def test_a_decision_that_was_made_passes(asked: dict[str, Any]) -> None:
    found = verdict(REJECTED, **asked)
    assert found.status == "pass"
    assert asked.get("tool") or "rejected by kim (“Not on a Friday.”)" in found.reason


@pytest.mark.parametrize("asked", [
    {"agent": "clerk"}, {"arguments": {"service": "mail"}}, {"arguments": {"force": True}},
    {"decision": "approved"}, {"tool": "ops.scale"}, {"absent": True},
])
def test_a_decision_that_was_not_made_fails(asked: dict[str, Any]) -> None:
    assert verdict(REJECTED, **asked).status == "fail"


def test_where_nobody_decided_the_reason_says_so() -> None:
    assert verdict().status == "fail"
    assert verdict().reason == "decided: nothing"
