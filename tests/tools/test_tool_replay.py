"""Tools of a recording: no server starts, and nothing is answered that was not recorded."""

import json
from typing import Any

import pytest

from agentdyno.core.approval import ApprovalPolicy
from agentdyno.core.errors import UsageError
from agentdyno.core.event import Approval, MemoryAccess, ModelCall, ToolCall, WireRecord
from agentdyno.core.recording import ToolRecording
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec, Limits, ToolServer
from agentdyno.core.trial import Outcome, Trial, TrialKey, WorkerReport
from agentdyno.models.cassette.cassette import Cassette
from agentdyno.tools.approvals import Approvals
from agentdyno.tools.approvers import ScriptedApprover
from agentdyno.tools.gateway import ToolGateway

GONE = {"tiny": ToolServer(command="no-such-program")}


def recording_of(sink: Sink, end_state: dict[str, Any] | None = None) -> ToolRecording:
    """Return the recording of a trial's tools, after a journey through a cassette's text."""
    zeros = "0" * 64
    key = TrialKey(scenario="s", scenario_digest=zeros, runner="r", runner_version="1",
                   runner_digest=zeros, model_digest=zeros)
    asked = ModelCall(agent="worker", started_s=0, ended_s=1, ordinal=0, api="chat", model="m",
                      stream=False, status=200)
    trial = Trial(
        id=sink.trial_id, key=key, outcome=Outcome.COMPLETED, duration_s=1.0,
        started_at="2026-01-02T03:04:05+00:00", report=WorkerReport(ended="returned"),
        events=tuple(sorted([asked, *sink.events], key=lambda event: event.started_s)),
        end_state=end_state or {},
    )
    wire = WireRecord(seq=0, channel="model", agent="worker", started_s=0, request="{}",
                      response="{}")
    text = Cassette.of(trial, [wire, *sink.wire]).text()
    return Cassette.read(text, "x.yaml").tools()


async def replaying(
    bench: Any, recording: ToolRecording, *agents: AgentSpec, **fields: Any
) -> Sink:
    sink = Sink(trial_id="t2", token="token-of-t2", **fields)
    await bench.gateway.open(
        sink, agents or (bench.agent("tiny.*"),), GONE, bench.folder, recorded=recording
    )
    return sink


def tool_calls(sink: Sink) -> list[ToolCall]:
    return [event for event in sink.events if isinstance(event, ToolCall)]


async def test_results_are_replayed_with_no_server_at_all(bench):
    first = await bench.open(bench.agent("tiny.*"), servers={"tiny": bench.tiny()})
    listed = (await bench.post("tools/list"))[1]["result"]
    asked = [("echo", {"b": [1, 2.5, None], "a": "日本"}), ("add", {"a": 1, "b": 2}),
             ("add", {"a": "x"}), ("fail", {}), ("crash", {})]
    results = [await bench.call(tool, arguments) for tool, arguments in asked]
    second = await replaying(bench, recording_of(first))
    assert (await bench.post("tools/list", trial="t2"))[1]["result"] == listed
    again = [await bench.call(tool, arguments, trial="t2") for tool, arguments in asked]
    assert again == results
    assert {call.source for call in tool_calls(second)} == {"recorded"}
    same = ("server", "tool", "arguments", "is_error", "error_kind", "result_text")
    assert [[getattr(call, name) for name in same] for call in tool_calls(second)] == [
        [getattr(call, name) for name in same] for call in tool_calls(first)]
    assert bench.gateway.unused("t2") == ()


async def test_equal_calls_are_answered_in_the_order_of_the_recording(bench):
    first = await bench.open(bench.agent("tiny.*"), servers={"tiny": bench.tiny()})
    await bench.call("echo", {"n": 1})
    await bench.call("echo", {"n": 1})
    recording = recording_of(first)
    one, two = recording.results
    two = two.model_copy(update={"result": {"content": [{"type": "text", "text": "later"}]}})
    await replaying(bench, recording.model_copy(update={"results": (one, two)}))
    texts = [bench.text(await bench.call("echo", {"n": 1}, trial="t2")) for _ in range(2)]
    assert texts == ['{"n": 1}', "later"]


async def test_the_duration_of_the_recording_is_kept_and_labelled(bench):
    first = await bench.open(bench.agent("tiny.*"), servers={"tiny": bench.tiny()})
    await bench.call("echo")
    recording = recording_of(first)
    slow = recording.results[0].model_copy(update={"duration_ms": 2500.0})
    second = await replaying(bench, recording.model_copy(update={"results": (slow,)}))
    await bench.call("echo", trial="t2")
    (call,) = tool_calls(second)
    assert (call.source, call.ended_s - call.started_s) == ("recorded", pytest.approx(2.5))


async def test_other_arguments_end_the_trial_and_the_difference_is_located(bench):
    first = await bench.open(bench.agent("tiny.*"), servers={"tiny": bench.tiny()})
    await bench.call("echo", {"city": "Graz", "days": [1, 2]})
    second = await replaying(bench, recording_of(first))
    result = await bench.call("echo", {"city": "Graz", "days": [1, 3]}, trial="t2")
    assert result["isError"]
    outcome, reason = second.stop
    assert outcome is Outcome.HARNESS_FAULT
    lines = [line.strip() for line in reason.splitlines()]
    assert lines[0] == "no recorded result answers tiny.echo of agent worker"
    assert "nearest: tool call 1 of worker, tiny.echo" in lines
    assert "first difference: $.arguments.days[1]" in lines
    assert "recorded: 2" in lines
    assert "now:      3" in lines
    assert lines[-1] == ("next: record the trial again, with --model record, or leave out "
                         "--tools replay")


async def test_a_call_too_many_and_a_tool_never_called_are_told_as_such(bench):
    first = await bench.open(bench.agent("tiny.*"), servers={"tiny": bench.tiny()})
    await bench.call("echo", {"n": 1})
    recording = recording_of(first)
    second = await replaying(bench, recording)
    await bench.call("echo", {"n": 1}, trial="t2")
    await bench.call("echo", {"n": 1}, trial="t2")
    assert "it was called 1 times with these arguments in the recording" in second.stop[1]
    await bench.gateway.close("t2")
    third = await replaying(bench, recording)
    await bench.call("fail", trial="t2")
    assert "the agent called tiny.echo in the recording" in third.stop[1]


async def test_results_that_nobody_asked_for_are_told(bench):
    first = await bench.open(bench.agent("tiny.*"), servers={"tiny": bench.tiny()})
    await bench.call("echo", {"n": 1})
    await replaying(bench, recording_of(first))
    assert bench.gateway.unused("t2") == ('tool call 1 of worker: tiny.echo {"n":1}',)


async def test_what_the_gateway_refuses_is_refused_in_a_replay_too(bench):
    limits = Limits(max_tool_calls=2)
    agent = bench.agent("tiny.echo")
    first = await bench.open(agent, servers={"tiny": bench.tiny()}, limits=limits)
    for tool in ("secret", "echo", "echo"):
        await bench.call(tool)
    second = await replaying(bench, recording_of(first), agent, limits=limits)
    for tool in ("secret", "echo", "echo"):
        await bench.call(tool, trial="t2")
    kinds = [call.error_kind for call in tool_calls(second)]
    assert kinds == [call.error_kind for call in tool_calls(first)] == ["not_allowed", None,
                                                                        "limit"]


async def test_the_end_state_is_the_recorded_one_once_all_calls_were_made(bench):
    first = await bench.open(bench.agent("tiny.*"), servers={"tiny": bench.tiny()})
    await bench.call("echo", {"n": 1})
    state = {"tiny": {"outbox": [{"to": "ann"}]}, "memory": {"written": []}}
    recording = recording_of(first, state)
    await replaying(bench, recording)
    await bench.call("echo", {"n": 1}, trial="t2")
    assert await bench.gateway.close("t2") == state
    await replaying(bench, recording)
    assert await bench.gateway.close("t2") == {"memory": {"written": []}}


@pytest.mark.parametrize(("tools", "said"), [
    (("tiny.echo",), "agent 'worker' was offered tiny.add"),
    (("tiny.*", "tiny.fial"), "the server 'tiny' has no tool 'fial'; did you mean 'fail'?"),
    (("tiny.*", "other.x"), "there is no tool server 'other'"),
])
async def test_a_recording_of_other_tools_is_refused(bench, tools, said):
    first = await bench.open(bench.agent("tiny.*"), servers={"tiny": bench.tiny()})
    recording = recording_of(first)
    with pytest.raises(UsageError) as caught:
        await replaying(bench, recording, bench.agent(*tools))
    assert said in caught.value.message
    assert caught.value.hint == "record the trial again, with --model record"


async def test_tools_of_two_servers_with_one_name_keep_their_servers(bench):
    servers = {"tiny": bench.tiny(), "other": bench.tiny()}
    agent = bench.agent("tiny.echo", "other.echo")
    first = await bench.open(agent, servers=servers)
    await bench.call("other__echo", {"n": 1})
    sink = Sink(trial_id="t2", token="token-of-t2")
    gone = {name: ToolServer(command="no-such-program") for name in servers}
    await bench.gateway.open(sink, (agent,), gone, bench.folder, recorded=recording_of(first))
    await bench.call("other__echo", {"n": 1}, trial="t2")
    assert [(call.server, call.tool) for call in tool_calls(sink)] == [("other", "echo")]


class Notebook:
    """Memory in the harness's own process."""

    def tools(self, agent: AgentSpec) -> tuple[dict[str, Any], ...]:
        return ({"name": "memory_search", "inputSchema": {"type": "object"}},)

    async def call(
        self, sink: Sink, agent: str, tool: str, arguments: dict[str, Any]
    ) -> tuple[str, bool]:
        now = sink.now()
        sink.record(MemoryAccess(agent=agent, started_s=now, ended_s=now, operation="search",
                                 query=arguments["query"], mode="lexical", hits=("m1",)))
        return json.dumps({"found": "k7"}), False


class Broken(Notebook):
    """Memory whose database is away."""

    async def call(self, *_: Any) -> tuple[str, bool]:
        raise AssertionError("a replay has no memory")


async def test_memory_is_replayed_with_its_events(bench, serving, tmp_path):
    agent = bench.agent(memory="read")
    recorded: list[ToolRecording] = []
    seen: list[list[Any]] = []
    for notebook in (Notebook(), Broken()):
        gateway = ToolGateway({"memory": notebook})
        async with serving(gateway) as bench.address:
            sink = Sink(trial_id="t1", token="token-of-t1")
            await gateway.open(sink, (agent,), {}, tmp_path,
                               recorded=recorded[0] if recorded else None)
            result = await bench.call("memory_search", {"query": "password"})
            accesses = [e for e in sink.events if isinstance(e, MemoryAccess)]
            seen.append([result, [(a.operation, a.query, a.hits) for a in accesses]])
            recorded.append(recording_of(sink))
            await gateway.stop()
    assert seen[0] == seen[1]
    assert seen[0][1] == [("search", "password", ("m1",))]


async def test_decisions_are_replayed_with_their_calls_and_nobody_is_asked(bench):
    policy = ApprovalPolicy.model_validate({
        "risks": {"tiny.echo": "high"}, "script": [
            {"tool": "tiny.echo", "when": {"n": 1}, "decision": "reject", "reason": "too few"},
            {"tool": "tiny.echo", "decision": "modify", "arguments": {"n": 3}},
        ],
    })
    approvals = Approvals(
        policy=policy, approver=ScriptedApprover(policy.script), scenario="s"
    )
    first = Sink(trial_id="t1", token="token-of-t1")
    await bench.gateway.open(
        first, [bench.agent("tiny.*")], {"tiny": bench.tiny()}, bench.folder, approvals=approvals
    )
    asked = [("echo", {"n": 1}), ("echo", {"n": 2}), ("add", {"a": 1, "b": 2})]
    results = [await bench.call(tool, arguments) for tool, arguments in asked]
    second = await replaying(bench, recording_of(first))
    assert [await bench.call(*call, trial="t2") for call in asked] == results
    decided = [
        [event.model_copy(update={"started_s": 0, "ended_s": 0})
         for event in sink.events if isinstance(event, Approval)]
        for sink in (first, second)
    ]
    assert decided[0] == decided[1]
    assert [approval.decision for approval in decided[1]] == ["rejected", "modified", "logged"]
    assert [call.error_kind for call in tool_calls(second)] == ["rejected", None, None]
