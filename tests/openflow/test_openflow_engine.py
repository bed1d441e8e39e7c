"""The engine's semantics: the work of steps is a stub, expressions are real."""

import asyncio
from random import Random
from typing import Any

import pytest

from agentdyno.runners.openflow.attributes import Retry
from agentdyno.runners.openflow.document import Module
from agentdyno.runners.openflow.fastpath import UNKNOWN, fast
from agentdyno.runners.openflow.happenings import Entered, Happening
from agentdyno.runners.openflow.javascript import JavascriptEvaluator
from agentdyno.runners.openflow.outcome import StepError
from agentdyno.runners.openflow.retry import delay
from agentdyno.tests.openflow.flows import Echo, branch, flow, loop, records, run, step

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_flows_result_is_the_last_modules() -> None:
    ended = await run(flow(step("a", {"x": 1}), step("b", {"y": 2})))
    assert (ended.success, ended.value) == (True, {"y": 2})
    assert ended.results == {"a": {"x": 1}, "b": {"y": 2}}


async def test_a_flow_without_modules_returns_its_arguments() -> None:
    assert (await run(flow(), {"task": "t"})).value == {"task": "t"}


async def test_modules_run_in_order_and_see_input_results_and_the_previous_result() -> None:
    echo = Echo()
    await run(flow(
        step("a", {"task": "js:flow_input.task", "previous": "js:previous_result"}),
        step("b", {"earlier": "js:results.a.task", "deep": "js:results.a.previous.task",
                   "bracket": 'js:flow_input["task"]', "env": "js:flow_env.k"}),
        flow_env={"k": "v"},
    ), {"task": "t"}, executor=echo)
    assert echo.calls == [
        ("a", {"task": "t", "previous": {"task": "t"}}),
        ("b", {"earlier": "t", "deep": "t", "bracket": "t", "env": "v"}),
    ]


async def test_a_missing_part_of_a_pure_path_is_null_where_javascript_throws(
    js: JavascriptEvaluator,
) -> None:
    pure = await run(flow(step("a", {"x": "js:results.nope.deep.er"})), evaluator=js)
    assert (pure.success, pure.value) == (True, {"x": None})
    general = await run(flow(step("a", {"x": "js:results.nope.deep.er + 1"})), evaluator=js)
    assert not general.success
    assert general.value["error"]["name"] == "ExecutionErr"
    assert "TypeError" in general.value["error"]["message"]
    assert general.value["error"]["step_id"] == "a"


@pytest.mark.parametrize(("expr", "value"), [
    ("flow_input", {"k": [1]}),
    (" flow_input.k ", [1]),
    ('flow_input["k"]', [1]),
    ("results.a", {"list": [{"x": 5}]}),
    ("results?.a.list", [{"x": 5}]),
    ("results.nope[2].x.y", None),
    ("results.a.list.length", None),
    ("flow_env.nope", None),
])
async def test_pure_paths_need_no_javascript(expr: str, value: object) -> None:
    context = {"flow_input": {"k": [1]}, "results": {"a": {"list": [{"x": 5}]}}, "flow_env": {}}
    assert fast(expr, context) == value


@pytest.mark.parametrize("expr", [
    "flow_input.k.deeper", "flow_input.absent", "results.a + 1", "results['a']", "results.a?.b",
    "results.a.list[0].x", "resultsa", "flow_env",
])
async def test_everything_else_does(expr: str) -> None:
    assert fast(expr, {"flow_input": {"k": 1}, "results": {}}) is UNKNOWN


async def test_a_failing_step_ends_the_flow_with_its_error_as_value() -> None:
    echo = Echo()
    ended = await run(flow(step("a", {"fail": 1}), step("b")), executor=echo)
    error = {"name": "Broken", "message": "a does not work", "step_id": "a"}
    assert (ended.success, ended.value) == (False, {"error": error})
    assert isinstance(ended.cause, StepError)
    assert [name for name, _ in echo.calls] == ["a"]


async def test_a_step_that_may_fail_leaves_its_error_as_result() -> None:
    ended = await run(flow(
        step("a", {"fail": 1}, continue_on_error=True),
        step("b", {"seen": "js:results.a.error.name"}),
    ))
    assert (ended.success, ended.value) == (True, {"seen": "Broken"})


async def test_identity_passes_on_and_a_mock_wins_over_everything() -> None:
    echo = Echo()
    mock = {"enabled": True, "return_value": 7}
    ended = await run(flow(
        step("a", {"fail": 9}, mock=mock, skip_if={"expr": "true"}),
        {"id": "i", "value": {"type": "identity"}},
    ), executor=echo)
    assert (ended.value, echo.calls) == (7, [])


async def test_a_skipped_step_passes_on_what_came_before(js: JavascriptEvaluator) -> None:
    seen: list[Happening] = []
    ended = await run(flow(
        step("a", {"x": 1}), step("b", {"y": 2}, skip_if={"expr": "result.x === 1"}),
    ), evaluator=js, observe=seen.append)
    assert ended.value == {"x": 1}
    assert [(r.id, r.status) for r in records(seen)] == [("a", "success"), ("b", "skipped")]
    assert [h.id for h in seen if isinstance(h, Entered)] == ["a"]


async def test_a_stop_ends_the_flow_with_the_steps_result(js: JavascriptEvaluator) -> None:
    stop = {"expr": "result.x > 0"}
    ended = await run(flow(step("a", {"x": 1}, stop_after_if=stop), step("b")), evaluator=js)
    assert (ended.success, ended.skipped, ended.value) == (True, False, {"x": 1})
    on = await run(flow(step("a", {"x": 0}, stop_after_if=stop), step("b")), evaluator=js)
    assert on.value == {}


async def test_a_stop_may_skip_or_fail_the_flow(js: JavascriptEvaluator) -> None:
    skip = {"expr": "true || 0", "skip_if_stopped": True}
    assert (await run(flow(step("a", stop_after_if=skip)), evaluator=js)).skipped
    fail = {"expr": "true || 0", "error_message": ""}
    ended = await run(
        flow(step("a", stop_after_if=fail, continue_on_error=True), step("b")), evaluator=js
    )
    message = "stop after if: true || 0"
    assert ended.value == {"error": {"name": "EarlyStopError", "message": message}}


async def test_a_stop_inside_a_branch_stops_the_flow_and_inside_a_loop_only_the_loop(
    js: JavascriptEvaluator,
) -> None:
    stop = {"expr": "result.x === 2 || result.x === 'now'"}
    ended = await run(flow(
        branch("b", ("1 + 1", [step("inner", {"x": "now"}, stop_after_if=stop), step("late")])),
        step("after"),
    ), evaluator=js)
    assert ended.value == {"x": "now"}
    ended = await run(flow(
        loop("l", [1, 2, 3], step("body", {"x": "js:flow_input.iter.value"}, stop_after_if=stop)),
        step("after", {"all": "js:results.l"}),
    ), evaluator=js)
    assert ended.value == {"all": [{"x": 1}, {"x": 2}]}


async def test_a_branch_runs_the_first_true_body_or_the_default(js: JavascriptEvaluator) -> None:
    document = flow(
        step("a", {"x": 1}),
        branch(
            "b", ("flow_input.n > 2", [step("big", {"is": "big", "first": "js:previous_result"})]),
            ("flow_input.n > 1", []), default=[step("small", {"is": "small"})],
        ),
        step("after", {"branch": "js:results.b", "previous": "js:previous_result"}),
    )
    big = await run(document, {"n": 3}, evaluator=js)
    assert big.value["branch"] == {"is": "big", "first": {"n": 3}}
    assert big.results["big"] == {"is": "big", "first": {"n": 3}}
    empty = await run(document, {"n": 2}, evaluator=js)
    assert empty.value == {"branch": None, "previous": {"x": 1}}
    small = await run(document, {"n": 1}, evaluator=js)
    assert small.value["branch"] == {"is": "small"}


async def test_a_loop_gives_an_array_and_its_bodies_see_item_index_and_outer_loop() -> None:
    body = step("body", {"v": "js:flow_input.iter", "outer": "js:flow_input.iter_parent",
                         "mine": "js:results.body.v.value"})
    ended = await run(flow(loop("outer", ["p"], loop("inner", [1, 2], body))))
    outer = {"index": 0, "value": "p"}
    assert ended.value == [[
        {"v": {"index": 0, "value": 1}, "outer": outer, "mine": None},
        {"v": {"index": 1, "value": 2}, "outer": outer, "mine": 1},
    ]]
    assert (await run(flow(loop("l", [], body)))).value == []


async def test_a_loop_over_anything_but_an_array_fails() -> None:
    ended = await run(flow(loop("l", {"type": "javascript", "expr": "flow_input"})))
    assert ended.value["error"]["step_id"] == "l"
    assert "array" in ended.value["error"]["message"]


async def test_a_failure_ends_a_loop_unless_failures_are_skipped(js: JavascriptEvaluator) -> None:
    body = step("body", {"fail": "js:flow_input.iter.value"})
    ended = await run(flow(loop("l", [0, 2, 0], body)), evaluator=js)
    assert not ended.success
    assert [("error" in item) for item in ended.value] == [False, True]
    ended = await run(flow(loop("l", [0, 2, 0], body, skip_failures=True)), evaluator=js)
    assert ended.success
    assert [("error" in item) for item in ended.value] == [False, True, False]


async def test_the_failure_module_runs_once_and_the_flow_stays_failed(
    js: JavascriptEvaluator,
) -> None:
    echo = Echo()
    failure = step("failure", {"told": "js:error.message + '!'", "task": "js:flow_input.task"})
    inner = branch("b", ("1 + 1", [step("inner", {"fail": 1})]))
    ended = await run(
        flow(inner, failure_module=failure), {"task": "t"}, evaluator=js, executor=echo
    )
    assert (ended.success, ended.value) == (False, {"told": "inner does not work!", "task": "t"})
    assert [name for name, _ in echo.calls] == ["inner", "failure"]
    assert isinstance(ended.cause, StepError)


async def test_only_the_flows_own_failure_module_can_recover_it(js: JavascriptEvaluator) -> None:
    failure = step("failure", {"recover": True})
    assert (await run(flow(step("a", {"fail": 1}), failure_module=failure))).success
    inner = branch("b", ("1 + 1", [step("a", {"fail": 1})]))
    assert not (await run(flow(inner, failure_module=failure), evaluator=js)).success


async def test_a_retried_step_succeeds_with_the_arguments_of_its_first_attempt() -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    echo = Echo()
    retry = {"constant": {"attempts": 2, "seconds": 5}}
    ended = await run(flow(step("a", {"fail": 2}, retry=retry)), executor=echo, sleep=wait)
    assert (ended.success, waits, len(echo.calls)) == (True, [5, 5], 3)
    ended = await run(flow(step("a", {"fail": 9}, retry=retry)), sleep=wait)
    assert not ended.success


async def test_retry_if_sees_the_error(js: JavascriptEvaluator) -> None:
    echo = Echo()
    retry = {"constant": {"attempts": 5}, "retry_if": {"expr": "error.name !== 'Broken'"}}
    await run(flow(step("a", {"fail": 9}, retry=retry)), executor=echo, evaluator=js)
    assert len(echo.calls) == 1


async def test_retry_delays_are_constant_first_and_then_exponential() -> None:
    retry = Retry.model_validate({
        "constant": {"attempts": 2, "seconds": 5},
        "exponential": {"attempts": 3, "multiplier": 1, "seconds": 2},
    })
    delays = [delay(retry, failures, Random(0)) for failures in range(6)]
    assert delays == [5, 5, 8, 16, 32, None]
    long = Retry.model_validate({"exponential": {"attempts": 999, "seconds": 60}})
    assert delay(long, 998, Random(0)) == 6 * 3600
    jittered = Retry.model_validate(
        {"exponential": {"attempts": 1, "seconds": 100, "random_factor": 50}}
    )
    assert 50 < (delay(jittered, 0, Random(1)) or 0) < 150


async def test_a_negative_timeout_fails_the_step() -> None:
    ended = await run(flow(step("a", timeout=-1)))
    assert "timeout must be" in ended.value["error"]["message"]


async def test_a_step_that_overruns_its_timeout_fails() -> None:
    class Stuck:
        async def execute(self, module: Module, args: dict[str, Any], evaluate: Any) -> Any:
            await asyncio.Event().wait()

    ended = await run(flow(step("a", timeout=0)), executor=Stuck())
    assert ended.value["error"] == {
        "name": "TimeoutError", "message": "the step overran its timeout", "step_id": "a",
    }


async def test_references_are_replaced_when_the_step_starts_and_must_lead_somewhere() -> None:
    inputs = {"provider": {"resource": "$res:f/model", "all": ["$var:f/name"]}}
    known = {"$res:f/model": {"url": "u"}, "$var:f/name": "n"}
    ended = await run(flow(step("a", inputs)), references=known)
    assert ended.value == {"provider": {"resource": {"url": "u"}, "all": ["n"]}}
    ended = await run(flow(step("a", inputs)))
    assert "`$res:f/model` is not known" in ended.value["error"]["message"]


async def test_the_observer_is_told_of_every_module_even_a_cancelled_one() -> None:
    class Waits:
        def __init__(self) -> None:
            self.reached = asyncio.Event()

        async def execute(self, module: Module, args: dict[str, Any], evaluate: Any) -> Any:
            self.reached.set()
            await asyncio.Event().wait()

    seen: list[Happening] = []
    waits = Waits()
    task = asyncio.create_task(run(
        flow({"id": "i", "value": {"type": "identity"}}, step("a")),
        executor=waits, observe=seen.append,
    ))
    await waits.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(r.id, r.kind, r.status) for r in records(seen)] == [
        ("i", "identity", "success"), ("a", "aiagent", "cancelled"),
    ]
    assert all(record.ended >= record.started for record in records(seen))
