"""Calls that wait at the gateway: what is done, what the agent is told, what is kept."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from agentdyno.core.approval import ApprovalPolicy, ApprovalRequest, Decision
from agentdyno.core.errors import HarnessFault
from agentdyno.core.event import Approval, ToolCall
from agentdyno.core.fault import FaultPlan
from agentdyno.core.sink import ApprovalAsked, Sink
from agentdyno.core.spec import Limits, ToolServer
from agentdyno.core.trial import Outcome
from agentdyno.core.waiting import WaitingClock
from agentdyno.tools.approvals import Approvals
from agentdyno.tools.approvers import AutoApprover, DenyingApprover, ScriptedApprover

SERVER = ToolServer(
    command="${python}", args=(str(Path(__file__).with_name("risky_server.py")),), scope="trial"
)
NOON = "2026-11-21T12:00:00+00:00"


class Person:
    """Somebody who is asked, and decides when the test says so."""

    kind = "queue"

    def __init__(self) -> None:
        self.asked: asyncio.Queue[ApprovalRequest] = asyncio.Queue()
        self.answers: asyncio.Queue[Decision] = asyncio.Queue()

    async def decide(self, request: ApprovalRequest) -> Decision:
        self.asked.put_nowait(request)
        return await self.answers.get()

    def say(self, decision: Any, **more: Any) -> None:
        self.answers.put_nowait(Decision(
            decision=decision, decided_by="Mira", decided_at=NOON, **more
        ))


class Gate:
    """A trial whose only agent may call everything of the risky server."""

    def __init__(self, bench: Any, sink: Sink) -> None:
        self.bench, self.sink = bench, sink

    @property
    def approvals(self) -> list[Approval]:
        return [event for event in self.sink.events if isinstance(event, Approval)]

    @property
    def call(self) -> ToolCall:
        (call,) = [event for event in self.sink.events if isinstance(event, ToolCall)]
        return call

    async def ask(self, tool: str, **arguments: Any) -> tuple[str, bool]:
        result = await self.bench.call(tool, arguments)
        return self.bench.text(result), result["isError"]

    async def done(self) -> list[Any]:
        """Close the trial; returns what the server was really asked to do."""
        state = await self.bench.gateway.close("t1")
        return list(state["bank"])


async def opened(
    bench: Any, approver: Any, *, threshold: str = "medium", limits: Limits | None = None,
    faults: FaultPlan | None = None, watch: Any = None, clock: WaitingClock | None = None,
    **policy: Any,
) -> Gate:
    sink = Sink(trial_id="t1", token="token-of-t1", limits=limits or Limits(), watch=watch,
                clock=clock or WaitingClock())
    approvals = Approvals(
        policy=ApprovalPolicy.model_validate(policy), approver=approver, scenario="banking",
        runner="fake@1",
    )
    await bench.gateway.open(
        sink, [bench.agent("bank.*", risk_threshold=threshold)], {"bank": SERVER}, bench.folder,
        approvals=approvals, faults=faults,
    )
    return Gate(bench, sink)


async def test_annotations_decide_what_runs_what_is_logged_and_what_waits(bench: Any) -> None:
    gate = await opened(bench, AutoApprover())
    for tool in ("look", "write", "silent", "pay"):
        await gate.ask(tool, amount=1)
    assert [(a.tool, a.risk, a.risk_from, a.action, a.decision) for a in gate.approvals] == [
        ("write", "medium", "annotations", "log", "logged"),
        ("silent", "medium", "default", "log", "logged"),
        ("pay", "high", "annotations", "wait", "approved"),
    ]
    assert len(await gate.done()) == 4


async def test_a_policy_may_turn_every_level_round(bench: Any) -> None:
    gate = await opened(
        bench, AutoApprover(), threshold="high", low="wait", medium="run", high="log"
    )
    for tool in ("look", "write", "pay"):
        await gate.ask(tool, amount=1)
    assert [(a.tool, a.action) for a in gate.approvals] == [("look", "wait"), ("pay", "log")]


async def test_what_the_policy_says_of_a_tool_comes_before_its_annotations(bench: Any) -> None:
    risks = {"bank.*": "high", "bank.pay": "low"}
    gate = await opened(bench, AutoApprover(), risks=risks)
    for tool in ("look", "pay"):
        await gate.ask(tool, amount=1)
    (look,) = gate.approvals
    assert (look.tool, look.risk, look.risk_from) == ("look", "high", "policy")


async def test_above_an_agents_own_threshold_every_call_waits(bench: Any) -> None:
    gate = await opened(bench, AutoApprover(), threshold="low", medium="run", high="run")
    for tool in ("look", "write", "pay"):
        await gate.ask(tool, amount=1)
    assert [(a.tool, a.action) for a in gate.approvals] == [("write", "wait"), ("pay", "wait")]


async def test_without_a_policy_nothing_waits_and_nothing_is_logged(bench: Any) -> None:
    sink = await bench.open(bench.agent("bank.*", risk_threshold="low"), servers={"bank": SERVER})
    assert not (await bench.call("pay", {"amount": 5}))["isError"]
    assert not [event for event in sink.events if isinstance(event, Approval)]


async def test_who_decides_is_shown_the_call_the_tool_and_its_schema(bench: Any) -> None:
    person = Person()
    gate = await opened(bench, person, timeout_s=90)
    call = asyncio.create_task(gate.ask("pay", amount=5, to="ü"))
    request = await person.asked.get()
    assert request.arguments == {"amount": 5, "to": "ü"}
    assert (request.scenario, request.runner, request.agent) == ("banking", "fake@1", "worker")
    assert (request.server, request.tool, request.risk) == ("bank", "pay", "high")
    assert request.description == "Does pay."
    assert request.input_schema["required"] == ["amount"]
    assert request.timeout_s == 90
    person.say("approved")
    await call


async def test_an_approved_call_is_made_as_it_is_and_told_as_it_is(bench: Any) -> None:
    gate = await opened(bench, AutoApprover())
    assert await gate.ask("pay", amount=5) == ('{"paid": 5}', False)
    assert await gate.done() == [["pay", {"amount": 5}]]


async def test_a_rejected_call_is_not_made_and_the_agent_is_told_by_whom_and_why(
    bench: Any,
) -> None:
    person = Person()
    gate = await opened(bench, person)
    person.say("rejected", reason="too dear")
    text, is_error = await gate.ask("pay", amount=5)
    assert text == "Rejected by Mira: too dear. The call was not made."
    assert is_error
    (approval,) = gate.approvals
    assert (approval.decision, approval.decided_by, approval.decided_at) == (
        "rejected", "Mira", NOON)
    assert (approval.shown, approval.reason, approval.approver) == (
        {"amount": 5}, "too dear", "queue")
    assert gate.call.error_kind == "rejected"
    assert await gate.done() == []


async def test_a_modified_call_is_made_with_other_arguments_and_the_agent_is_told_which(
    bench: Any,
) -> None:
    person = Person()
    gate = await opened(bench, person)
    person.say("modified", arguments={"amount": 2}, reason="half will do")
    text, is_error = await gate.ask("pay", amount=5)
    assert not is_error
    assert text == (
        'Note: Mira changed the arguments of this call before it was made: half will do. You asked '
        'for {"amount":5}; the call was made with {"amount":2}. Its result:\n\n{"paid": 2}'
    )
    (approval,) = gate.approvals
    assert (approval.shown, approval.arguments) == ({"amount": 5}, {"amount": 2})
    assert gate.call.arguments == {"amount": 5}
    assert await gate.done() == [["pay", {"amount": 2}]]


async def test_no_structured_copy_of_a_result_hides_that_the_call_was_changed(bench: Any) -> None:
    person = Person()
    gate = await opened(bench, person)
    async with bench.client("auto") as client:
        listed = (await client.list_tools()).tools
        assert [tool.name for tool in listed if tool.output_schema] == []
        person.say("modified", arguments={"amount": 2})
        result = await client.call_tool("pay", {"amount": 5})
    assert result.structured_content is None
    assert result.content[0].text.startswith("Note: Mira changed")
    assert len(gate.approvals) == 1


async def test_arguments_that_the_tool_does_not_take_are_the_approvers_fault(bench: Any) -> None:
    person = Person()
    gate = await opened(bench, person)
    person.say("modified", arguments={"amount": "two"})
    _, is_error = await gate.ask("pay", amount=5)
    assert is_error
    assert gate.sink.stop is not None
    assert gate.sink.stop[0] is Outcome.HARNESS_FAULT
    assert "'two' is not of type 'integer'" in gate.sink.stop[1]
    assert await gate.done() == []


@pytest.mark.parametrize(("then", "made"), [("reject", 0), ("approve", 1)])
async def test_when_nobody_decides_in_time_the_policy_does(
    bench: Any, then: str, made: int
) -> None:
    person = Person()
    gate = await opened(bench, person, timeout_s=7, on_timeout=then)
    person.say("timed_out")
    text, is_error = await gate.ask("pay", amount=5)
    assert is_error is (then == "reject")
    if is_error:
        assert text == ("Nobody decided about this call within 7 s, so it was rejected. The call "
                        "was not made.")
    assert gate.approvals[0].decision == "timed_out"
    assert len(await gate.done()) == made


async def test_waiting_is_in_no_latency_and_in_no_time_of_the_trial(bench: Any) -> None:
    person, time = Person(), [0.0]
    gate = await opened(bench, person, clock=WaitingClock(lambda: time[0]))
    both = [asyncio.create_task(gate.bench.call("pay", {"amount": n})) for n in (1, 2)]
    for _ in both:
        await person.asked.get()
    time[0] = 1000.0
    for _ in both:
        person.say("approved")
    await asyncio.gather(*both)
    assert gate.sink.waited_s == 1000.0, "calls that wait side by side count once"
    calls = [event for event in gate.sink.events if isinstance(event, ToolCall)]
    for call, approval in zip(calls, sorted(gate.approvals, key=lambda a: a.ended_s), strict=True):
        assert call.started_s >= approval.ended_s


async def test_a_trial_that_ends_takes_its_question_back(bench: Any) -> None:
    person = Person()
    gate = await opened(bench, person)
    call = asyncio.create_task(bench.post("tools/call", {"name": "pay", "arguments": {}}))
    await person.asked.get()
    assert await gate.done() == []
    status, _ = await call
    assert status == 404
    (approval,) = gate.approvals
    assert (approval.decision, approval.decided_by) == ("withdrawn", "")
    assert gate.call.started_s >= approval.ended_s


async def test_a_client_that_hangs_up_takes_its_question_back(bench: Any) -> None:
    person = Person()
    gate = await opened(bench, person)
    call = asyncio.create_task(bench.post("tools/call", {"name": "pay", "arguments": {}}))
    await person.asked.get()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await gate.done()
    assert [approval.decision for approval in gate.approvals] == ["withdrawn"]


async def test_an_approver_that_cannot_decide_is_a_fault_of_the_bench(bench: Any) -> None:
    class Away:
        kind = "queue"

        async def decide(self, request: ApprovalRequest) -> Decision:
            raise HarnessFault("The queue is away.")

    gate = await opened(bench, Away())
    text, is_error = await gate.ask("pay", amount=5)
    assert (text, is_error) == ("The queue is away. The call was not made.", True)
    assert gate.sink.stop == (Outcome.HARNESS_FAULT, "The queue is away.")


async def test_injected_faults_hit_only_calls_that_were_approved(bench: Any) -> None:
    faults = FaultPlan.model_validate({
        "name": "p", "faults": [{"on": "tool", "kind": "error", "call": 1, "text": "closed"}]
    })
    gate = await opened(bench, DenyingApprover(), faults=faults)
    text, _ = await gate.ask("pay", amount=5)
    assert text.startswith("Rejected by the approver")
    assert not [event for event in gate.sink.events if event.kind == "fault"]


async def test_a_script_decides_by_the_first_entry_that_fits(bench: Any) -> None:
    script = ApprovalPolicy.model_validate({"script": [
        {"tool": "bank.pay", "when": {"amount": 1}, "decision": "approve"},
        {"tool": "bank.pay", "when": {"amount": 5, "to": "me"}, "decision": "modify",
         "arguments": {"amount": 4}, "after_s": 0.01},
        {"tool": "bank.*", "when": {"amount": 9}, "decision": "reject", "reason": "much"},
    ]}).script
    gate = await opened(bench, ScriptedApprover(script))
    told = [(await gate.ask("pay", **call))[0] for call in (
        {"amount": 1}, {"amount": 5, "to": "me"}, {"amount": 9}, {"amount": 5}, {"amount": 1.0},
        {"amount": True},
    )]
    assert told[0] == '{"paid": 1}'
    assert '{"amount":4,"to":"me"}' in told[1]
    assert told[2] == "Rejected by the approver: much. The call was not made."
    for unknown in told[3:]:
        assert "nobody is there who may approve this call" in unknown
    assert len(await gate.done()) == 2


async def test_who_watches_sees_that_a_call_waits(bench: Any) -> None:
    seen: list[Any] = []
    gate = await opened(bench, AutoApprover(), watch=seen.append)
    await gate.ask("pay", amount=5)
    kinds = [type(one).__name__ for one in seen]
    asked = kinds.index("ApprovalAsked")
    assert kinds[asked : asked + 3] == ["ApprovalAsked", "Approval", "ToolCall"]
    assert isinstance(seen[asked], ApprovalAsked)
    assert json.dumps(seen[asked].request.arguments) == '{"amount": 5}'
