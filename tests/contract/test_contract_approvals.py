"""A person decides about tool calls, and no framework makes a difference."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from agentdyno.core.approval import ApprovalPolicy, ApprovalRequest, Decision
from agentdyno.core.event import Approval
from agentdyno.tests.contract.lab import Lab, Run
from agentdyno.tools.approvals import Approvals
from agentdyno.tools.approvers import ScriptedApprover

POLICY = ApprovalPolicy.model_validate({
    "risks": {"echo.echo": "high"},
    "script": [
        {"tool": "echo.echo", "when": {"payload": "yes"}, "decision": "approve"},
        {"tool": "echo.echo", "when": {"payload": "no"}, "decision": "reject",
         "reason": "it is Sunday"},
        {"tool": "echo.echo", "when": {"payload": "maybe"}, "decision": "modify",
         "arguments": {"payload": "surely"}, "reason": "be bold"},
    ],
})
TOLD = (
    '"yes"',
    "Rejected by the approver: it is Sunday. The call was not made.",
    "Note: the approver changed the arguments of this call before it was made: be bold. You asked "
    'for {"payload":"maybe"}; the call was made with {"payload":"surely"}. Its result:\n\n"surely"',
)


def _texts(value: Any) -> Iterator[str]:
    """Yield every string inside `value`, also inside JSON that is a string."""
    if isinstance(value, str):
        yield value
        try:
            inner = json.loads(value)
        except ValueError:
            return
        if not isinstance(inner, str):
            yield from _texts(inner)
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _texts(member)


def _approvals(run: Run) -> list[Approval]:
    return [event for event in run.sink.events if isinstance(event, Approval)]


@pytest.mark.requirement("runner:approval:same")
async def test_approved_rejected_and_modified_calls_look_the_same_to_every_agent(lab: Lab):
    approvals = Approvals(
        policy=POLICY, approver=ScriptedApprover(POLICY.script), scenario="contract"
    )
    run = await lab.run("ALLOW", approvals=approvals)
    assert run.texts == ("decided",)
    assert [(a.decision, a.shown["payload"], a.arguments) for a in _approvals(run)] == [
        ("approved", "yes", None), ("rejected", "no", None),
        ("modified", "maybe", {"payload": "surely"}),
    ]
    calls = [(call.arguments["payload"], call.error_kind) for call in run.tool_calls]
    assert calls == [("yes", None), ("no", "rejected"), ("maybe", None)]
    shown = list(_texts(run.requests[-1]["messages"]))
    for words in TOLD:
        assert any(words in text for text in shown), shown


class Late:
    """Approves when the trial would long be over, were its time not standing still."""

    kind = "queue"

    async def decide(self, request: ApprovalRequest) -> Decision:
        # Longer than the shortest default deadline of a framework's MCP client, which is 5 s.
        await asyncio.sleep(5.5)
        return Decision(decision="approved", decided_by="Mira", decided_at="2026-11-21T12:00:00Z")


@pytest.mark.requirement("runner:approval:waits")
async def test_a_person_may_take_longer_than_the_trial_and_any_clients_deadline(lab: Lab):
    await lab.run("ECHO warm")
    approvals = Approvals(policy=POLICY, approver=Late(), scenario="contract")
    run = await lab.run("ECHO slow", approvals=approvals, timeout_s=4.0)
    assert run.report.ended == "returned", run.report
    assert run.texts == ("the tool said slow",)
    assert run.sink.waited_s > 5.0
    (call,) = run.tool_calls
    assert call.ended_s - call.started_s < 4.0
