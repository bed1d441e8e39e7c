"""branchall: all branches, side by side or in order."""

import asyncio
from typing import Any

import pytest

from agentdyno.runners.openflow.document import Module
from agentdyno.runners.openflow.happenings import Happening, Stopped
from agentdyno.runners.openflow.javascript import JavascriptEvaluator
from agentdyno.tests.openflow.flows import Echo, Meeting, branch, branchall, flow, run, step

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_branches_work_at_the_same_time_unless_told_otherwise() -> None:
    both = branchall("b", [step("one", {"x": 1})], [step("two", {"x": 2})])
    ended = await run(flow(both), executor=Meeting(2))
    assert ended.value == [{"x": 1}, {"x": 2}]


async def test_results_are_in_the_order_of_branches_and_visible_afterwards() -> None:
    class Late(Echo):
        def __init__(self) -> None:
            super().__init__()
            self.second = asyncio.Event()

        async def execute(self, module: Module, args: dict[str, Any], evaluate: Any) -> Any:
            if module.id == "one":
                await self.second.wait()
            result = await super().execute(module, args, evaluate)
            self.second.set()
            return result

    late = Late()
    ended = await run(flow(
        branchall("b", [step("one", {"x": 1})], [step("two", {"x": 2})]),
        step("after", {"all": "js:results.b", "inner": "js:results.two.x"}),
    ), executor=late)
    assert [name for name, _ in late.calls] == ["two", "one", "after"]
    assert ended.value == {"all": [{"x": 1}, {"x": 2}], "inner": 2}


async def test_in_order_each_branch_waits_for_the_one_before() -> None:
    echo = Echo()
    await run(flow(branchall(
        "b", [step("one"), step("one_more")],
        [step("two", {"seen": "js:results.one", "first": "js:previous_result"})], parallel=False,
    )), {"k": 1}, executor=echo)
    assert [name for name, _ in echo.calls] == ["one", "one_more", "two"]
    assert echo.calls[-1][1] == {"seen": {}, "first": {"k": 1}}


async def test_an_empty_branch_yields_the_arguments_and_no_branch_an_empty_array() -> None:
    assert (await run(flow(branchall("b", [], [step("a", {"x": 1})])), {"k": 1})).value == [
        {"k": 1}, {"x": 1},
    ]
    assert (await run(flow(branchall("b")))).value == []


async def test_side_by_side_a_failure_waits_for_the_others_and_then_fails_the_module() -> None:
    body = branchall("b", [step("one", {"fail": 1})], [step("two", {"x": 2})])
    ended = await run(flow(body, step("after")), executor=Meeting(2))
    assert not ended.success
    assert ended.value[0]["error"]["step_id"] == "one"
    assert ended.value[1] == {"x": 2}


async def test_in_order_a_failure_ends_the_module_with_the_array_so_far() -> None:
    echo = Echo()
    ended = await run(flow(branchall(
        "b", [step("one", {"x": 1})], [step("two", {"fail": 1})], [step("three")], parallel=False,
    )), executor=echo)
    assert (ended.success, len(ended.value)) == (False, 2)
    assert [name for name, _ in echo.calls] == ["one", "two"]


@pytest.mark.parametrize("parallel", [True, False])
async def test_a_branch_that_may_fail_leaves_its_error_in_the_array(parallel: bool) -> None:
    ended = await run(flow(branchall(
        "b", [step("one", {"fail": 1})], [step("two", {"x": 2})], parallel=parallel,
        skip_failure=True,
    )))
    assert ended.success
    assert [("error" in item) for item in ended.value] == [True, False]


async def test_the_failure_module_runs_in_the_branch_that_failed_and_not_again() -> None:
    echo = Echo()
    ended = await run(flow(
        branchall("b", [step("one", {"fail": 1})], [step("two")]),
        failure_module=step("failure", {"recover": True}),
    ), executor=echo)
    assert [name for name, _ in echo.calls].count("failure") == 1
    assert (ended.success, ended.value) == (False, [{"recover": True}, {}])


async def test_a_stop_inside_a_parallel_branch_ends_that_branch_alone(
    js: JavascriptEvaluator,
) -> None:
    stop = {"expr": "result.x === 1"}
    ended = await run(flow(
        branchall("b", [step("one", {"x": 1}, stop_after_if=stop), step("late")], [step("two")]),
        step("after", {"all": "js:results.b"}),
    ), evaluator=js)
    assert ended.value == {"all": [{"x": 1}, {}]}
    assert "late" not in ended.results


async def test_a_stop_inside_a_branch_in_order_stops_the_flow(js: JavascriptEvaluator) -> None:
    stop = {"expr": "result.x === 1", "skip_if_stopped": True}
    ended = await run(flow(
        branchall("b", [step("one", {"x": 1}, stop_after_if=stop)], [step("two")], parallel=False),
        step("after"),
    ), evaluator=js)
    assert (ended.success, ended.skipped, ended.value) == (True, True, [{"x": 1}])
    assert not {"two", "after"} & ended.results.keys()


async def test_stop_after_if_on_the_module_itself_is_ignored() -> None:
    body = branchall("b", [step("one")], stop_after_if={"expr": "flow_input"})
    assert (await run(flow(body, step("after", {"x": 1})), {"k": 1})).value == {"x": 1}


async def test_stop_after_all_iters_if_sees_the_array_and_stops_the_flow(
    js: JavascriptEvaluator,
) -> None:
    def document(rule: dict[str, Any]) -> dict[str, Any]:
        body = branchall("b", [step("one", {"x": 1})], [step("two", {"x": 2})],
                         stop_after_all_iters_if=rule)
        return flow(body, step("after"))

    rule = {"expr": "result.some(each => each.x === 2)"}
    seen: list[Happening] = []
    ended = await run(document(rule), evaluator=js, observe=seen.append)
    assert (ended.success, ended.value) == (True, [{"x": 1}, {"x": 2}])
    assert Stopped(id="b", rule="stop_after_all_iters_if") in seen
    on = await run(document({"expr": "result.length > 2"}), evaluator=js)
    assert on.value == {}
    failed = await run(document({**rule, "error_message": "enough"}), evaluator=js)
    assert failed.value == {"error": {"name": "EarlyStopError", "message": "enough"}}


async def test_a_stop_inside_a_branch_inside_a_parallel_branch_goes_no_further(
    js: JavascriptEvaluator,
) -> None:
    inner = branch("inner", ("1 + 1", [step("one", {"x": 1}, stop_after_if={"expr": "1 + 1"})]))
    ended = await run(flow(branchall("b", [inner, step("late")]), step("after", {"x": 9})),
                      evaluator=js)
    assert ended.value == {"x": 9}
    assert "late" not in ended.results


async def test_cancelling_a_flow_cancels_every_branch() -> None:
    class Waits:
        def __init__(self) -> None:
            self.begun = 0
            self.ended = 0
            self.reached = asyncio.Event()

        async def execute(self, module: Module, args: dict[str, Any], evaluate: Any) -> Any:
            self.begun += 1
            if self.begun == 2:
                self.reached.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.ended += 1

    waits = Waits()
    task = asyncio.create_task(run(
        flow(branchall("b", [step("one")], [step("two")]), failure_module=step("failure")),
        executor=waits,
    ))
    await waits.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (waits.begun, waits.ended) == (2, 2)
