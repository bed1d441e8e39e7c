"""The same faults hit the same calls of every framework, and go where the profile sends them."""

from typing import Any

import pytest

from agentdyno.core.event import Fault, ModelTry
from agentdyno.core.fault import FaultPlan, ModelFault, ToolFault
from agentdyno.core.faultdraw import Attempt, FaultDraw
from agentdyno.core.sink import Sink
from agentdyno.models.retrying import RetryingUpstream, RetryPolicy
from agentdyno.models.upstream import Upstream
from agentdyno.tests.contract.lab import Lab, agent

SEED = 11
HARMLESS = FaultPlan.model_validate({"name": "harmless", "faults": [
    {"on": "model", "kind": "slow_first_token", "probability": 0.4, "delay_s": 0},
    {"on": "tool", "kind": "slow", "probability": 0.4, "delay_s": 0},
]})
LOST = [
    {"kind": "http_429", "retry_after_s": 0.01}, {"kind": "http_500"}, {"kind": "http_503"},
    {"kind": "timeout", "delay_s": 0.01}, {"kind": "connection_reset"},
]


def expected(calls: int) -> dict[str, list[int]]:
    """Return the ordinals that the plan hits, as drawn without any framework."""
    model, tool = HARMLESS.faults
    assert isinstance(model, ModelFault)
    assert isinstance(tool, ToolFault)
    draws: dict[str, Any] = {"model": (FaultDraw([model], SEED), ""),
                             "tool": (FaultDraw([tool], SEED), "echo.echo")}
    return {
        channel: [
            n for n in range(calls)
            if draw.hit(Attempt(agent="solo", ordinal=n, elapsed_s=0, tool=name), lambda f: True)
        ]
        for channel, (draw, name) in draws.items()
    }


def retrying(upstream: Upstream, sink: Sink) -> Upstream:
    return RetryingUpstream(upstream, sink, RetryPolicy(first_wait_s=0.0))


@pytest.mark.requirement("runner:fault:same-calls")
async def test_the_same_seed_gives_the_same_faults_to_every_framework(lab: Lab):
    run = await lab.run("LOOP", agents=[agent("solo", max_turns=8)], faults=HARMLESS, chance=SEED)
    assert len(run.model_calls) == 8
    hit = {
        channel: [e.ordinal for e in run.sink.events if isinstance(e, Fault)
                  and e.channel == channel]
        for channel in ("model", "tool")
    }
    assert hit["model"] == expected(8)["model"] != []
    assert hit["tool"] == expected(len(run.tool_calls))["tool"] != []


@pytest.mark.parametrize("fault", LOST, ids=[fault["kind"] for fault in LOST])
@pytest.mark.requirement("runner:fault:uniform-recovers")
async def test_under_uniform_the_gateway_gets_over_a_lost_answer(lab: Lab, fault: dict[str, Any]):
    plan = FaultPlan.model_validate({
        "name": "lost", "faults": [{"on": "model", "call": 2, **fault}]
    })
    run = await lab.run("ECHO red", faults=plan, wrap=retrying)
    assert run.texts == ("the tool said red",)
    assert [call.status for call in run.model_calls] == [200, 200]
    assert [call.retry_count for call in run.model_calls] == [0, 0]
    tries = [e for e in run.sink.events if isinstance(e, ModelTry) and e.ordinal == 1]
    assert [one.decision for one in tries] == ["retry", "answered"]


@pytest.mark.parametrize("fault", LOST, ids=[fault["kind"] for fault in LOST])
@pytest.mark.requirement("runner:fault:as-shipped-reaches-framework")
async def test_as_shipped_a_lost_answer_is_the_frameworks_own_trouble(
    lab: Lab, fault: dict[str, Any]
):
    plan = FaultPlan.model_validate({
        "name": "lost", "faults": [{"on": "model", "call": 2, **fault}]
    })
    run = await lab.run("ECHO red", faults=plan, retries="as-shipped")
    status = {"http_429": 429, "http_500": 500, "http_503": 503, "timeout": 504,
              "connection_reset": 502}[fault["kind"]]
    assert [call.status for call in run.model_calls][:2] == [200, status]
    if run.report.ended == "returned":
        assert run.texts == ("the tool said red",)
        assert len(run.model_calls) > 2
    else:
        assert run.report.error_type
