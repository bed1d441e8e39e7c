"""Flows that call flows: what they share, and what stays inside."""

from typing import Any

import pytest

from agentdyno.runners.openflow.document import Flow, FlowDocumentError, parse
from agentdyno.runners.openflow.engine import FlowEngine
from agentdyno.runners.openflow.javascript import JavascriptEvaluator
from agentdyno.tests.openflow.flows import Echo, NoJavascript, flow, run, step

pytestmark = pytest.mark.asyncio(loop_scope="module")


def call(name: str, inputs: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    module = step(name, inputs, **rest)
    module["value"] |= {"type": "flow", "path": "f/inner"}
    return module


def inner(*modules: dict[str, Any], **value: Any) -> dict[str, Flow]:
    return {"f/inner": parse(flow(*modules, **value), flows=("f/inner",))}


async def test_a_called_flow_has_arguments_constants_and_results_of_its_own() -> None:
    ended = await run(
        flow(
            step("before", {"k": 1}), call("c", {"task": "js:results.before.k"}),
            step("after", {"inner": "js:results.a", "all": "js:results.c"}),
            flow_env={"e": "outer"},
        ),
        {"task": "outer"},
        flows=inner(step("a", {
            "args": "js:flow_input", "e": "js:flow_env.e", "around": "js:results.before.k",
            "first": "js:previous_result",
        }), flow_env={"e": "inner"}),
    )
    seen = {"args": {"task": 1}, "e": "inner", "around": 1, "first": {"task": 1}}
    assert ended.value == {"inner": None, "all": seen}


async def test_a_stop_inside_a_called_flow_ends_it_alone(js: JavascriptEvaluator) -> None:
    stop = {"expr": "1 + 1", "skip_if_stopped": True}
    ended = await run(
        flow(call("c"), step("after", {"got": "js:results.c"})), evaluator=js,
        flows=inner(step("a", {"x": 1}, stop_after_if=stop), step("late")),
    )
    assert (ended.skipped, ended.value) == (False, {"got": {"x": 1}})


async def test_failure_modules_of_both_flows_run_inside_first() -> None:
    echo = Echo()
    ended = await run(
        flow(call("c"), failure_module=step("outer_failure", {"told": "js:previous_result"})),
        executor=echo,
        flows=inner(step("a", {"fail": 1}), failure_module=step("inner_failure", {"x": 1})),
    )
    assert [name for name, _ in echo.calls] == ["a", "inner_failure", "outer_failure"]
    assert (ended.success, ended.value) == (False, {"told": {"x": 1}})


async def test_a_called_flow_that_recovers_has_not_failed() -> None:
    ended = await run(
        flow(call("c")),
        flows=inner(step("a", {"fail": 1}), failure_module=step("failure", {"recover": True})),
    )
    assert (ended.success, ended.value) == (True, {"recover": True})


async def test_a_flow_that_calls_itself_without_end_fails() -> None:
    ended = await run(flow(call("c")), flows=inner(call("again")))
    assert not ended.success
    assert "flow inside each other" in ended.value["error"]["message"]


async def test_a_flow_that_nobody_could_resume_is_refused_only_where_it_is_called() -> None:
    flows = inner(step("a", suspend={"required_events": 1}))
    with pytest.raises(FlowDocumentError, match="module `a` waits to be resumed"):
        await run(flow(call("c")), flows=flows)
    assert (await run(flow(step("only")), flows=flows)).success


async def test_a_flow_that_the_host_does_not_have_after_all_fails_its_step() -> None:
    engine = FlowEngine(executor=Echo(), evaluator=NoJavascript())
    ended = await engine.run(parse(flow(call("c")), flows=("f/inner",)), {})
    assert ended.value["error"] == {
        "name": "NotFound", "message": "the flow `f/inner` is not known to this workspace",
        "step_id": "c",
    }
