"""How a trial ends when it does not end well."""

import asyncio
from typing import Any

import pytest

from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Outcome
from agentdyno.experiments.bench import open_bench
from agentdyno.models.conversation import Reply
from agentdyno.models.gateway import ModelGateway
from agentdyno.models.upstream import ModelRequest
from agentdyno.tests.contract.lab import Lab, agent
from agentdyno.tools.gateway import ToolGateway


class Gate:
    """An in-process tool that never answers, and says when it was called."""

    def __init__(self) -> None:
        self.called = asyncio.Event()

    def tools(self, agent: AgentSpec) -> tuple[dict[str, Any], ...]:
        schema = {"type": "object", "properties": {}}
        return ({"name": "hang", "description": "Never answers.", "inputSchema": schema},)

    async def call(
        self, sink: Sink, agent: str, tool: str, arguments: dict[str, Any]
    ) -> tuple[str, bool]:
        self.called.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


class Deaf:
    """A model that never answers, and says when it was asked."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def answer(self, request: ModelRequest) -> Reply:
        self.asked.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


@pytest.mark.requirement("runner:limit:stops")
async def test_max_turns_is_exact_and_a_stop_is_no_answer(lab: Lab):
    run = await lab.run("LOOP", agents=[agent("solo", max_turns=3)])
    answer = run.report.answer
    assert answer is not None, run.report.error
    assert len(run.model_calls) == 3
    assert answer.stopped_by_limit
    assert answer.texts == ()
    assert answer.note


@pytest.mark.requirement("runner:limit:answer-on-last-turn")
async def test_an_answer_on_the_last_allowed_turn_counts(lab: Lab):
    run = await lab.run("ECHO last", agents=[agent("solo", max_turns=2)])
    assert run.texts == ("the tool said last",)
    assert not run.report.answer.stopped_by_limit


@pytest.mark.requirement("runner:limit:per-agent")
async def test_each_agent_and_each_user_turn_has_the_whole_limit(lab: Lab):
    team = [agent("scout", max_turns=2), agent("judge", max_turns=2), agent("scribe", max_turns=1)]
    run = await lab.run("TASK k1", agents=team)
    assert run.texts == ("TASK k1: scouted k1, judged k1",)
    run = await lab.run("ECHO one", "ECHO two", agents=[agent("solo", max_turns=2)])
    assert run.texts == ("the tool said one", "the tool said two")


@pytest.mark.parametrize("status", [500, 429])
@pytest.mark.requirement("runner:model:retries-none")
@pytest.mark.requirement("runner:crash:keeps-trace")
async def test_a_model_error_ends_the_trial_at_once_and_leaves_its_trace(lab: Lab, status: int):
    run = await lab.run(f"BREAK {status}")
    assert run.report.ended == "raised"
    assert run.report.error_type
    assert [call.status for call in run.model_calls] == [200, status]
    assert [call.retry_count for call in run.model_calls] == [0, 0]
    assert [call.arguments for call in run.tool_calls] == [{"payload": "before"}]
    assert run.sink.token not in run.report.model_dump_json()
    assert (await lab.run("HELLO")).texts == ("Good day. 日本",)


@pytest.mark.requirement("runner:crash:keeps-trace")
async def test_a_state_that_no_rule_covers_is_the_harnesss_fault(lab: Lab):
    run = await lab.run("something that the script does not know")
    assert run.sink.stop is not None
    assert run.sink.stop[0] is Outcome.HARNESS_FAULT
    assert len(run.model_calls) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.requirement("runner:cancel:closes-clients")
async def test_cancelling_hangs_up_on_the_model(lab: Lab, stream: bool):
    model = Deaf()
    run, task = await lab.begin("HELLO", upstream=model, stream=stream)
    await asyncio.wait_for(model.asked.wait(), 30)
    task.cancel()
    await asyncio.wait([task], timeout=10)
    assert task.done()
    assert [call.status for call in run.model_calls] == [499]
    assert (await lab.run("HELLO")).texts == ("Good day. 日本",)


@pytest.mark.requirement("runner:cancel:leaves-tool")
async def test_cancelling_does_not_wait_for_a_tool(lab: Lab):
    gate, solo = Gate(), agent("solo", tools=(), memory="read")
    async with open_bench(ModelGateway(), ToolGateway({"gate": gate})) as bench:
        gated = Lab(bench=bench, pool=lab.pool, script=lab.script)
        run, task = await gated.begin("HANG", agents=[solo])
        await asyncio.wait_for(gate.called.wait(), 30)
        task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.done()
        assert len(run.model_calls) == 1
    assert (await lab.run("HELLO")).texts == ("Good day. 日本",)
