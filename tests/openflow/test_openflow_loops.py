"""Loops: parallel iterations, while loops, and where a stop ends what."""

import asyncio
from typing import Any

import pytest

from agentdyno.runners.openflow.document import Module
from agentdyno.runners.openflow.happenings import Happening, Iterating, Stopped
from agentdyno.runners.openflow.javascript import JavascriptEvaluator
from agentdyno.tests.openflow.flows import Echo, Meeting, branch, flow, forever, loop, run, step

pytestmark = pytest.mark.asyncio(loop_scope="module")


def body(**inputs: Any) -> dict[str, Any]:
    return step("body", {"x": "js:flow_input.iter.value", **inputs})


async def test_parallel_iterations_work_at_the_same_time_and_keep_their_order(
    js: JavascriptEvaluator,
) -> None:
    document = flow(loop("l", [3, 1, 2], body(), parallel=True))
    ended = await run(document, executor=Meeting(3), evaluator=js)
    assert ended.value == [{"x": 3}, {"x": 1}, {"x": 2}]


async def test_parallelism_lets_as_many_work_and_one_more_for_each_that_ends(
    js: JavascriptEvaluator,
) -> None:
    class Gate:
        def __init__(self) -> None:
            self.at_work: list[int] = []
            self.most = 0
            self.doors = {n: asyncio.Event() for n in range(4)}
            self.began: asyncio.Queue[int] = asyncio.Queue()

        async def execute(self, module: Module, args: dict[str, Any], evaluate: Any) -> Any:
            self.at_work.append(args["x"])
            self.most = max(self.most, len(self.at_work))
            self.began.put_nowait(args["x"])
            await self.doors[args["x"]].wait()
            self.at_work.remove(args["x"])
            return args

    gate = Gate()
    document = flow(loop("l", [0, 1, 2, 3], body(), parallel=True, parallelism=2))
    task = asyncio.create_task(run(document, executor=gate, evaluator=js))
    assert [await gate.began.get(), await gate.began.get()] == [0, 1]
    gate.doors[1].set()
    assert await gate.began.get() == 2
    assert gate.at_work == [0, 2]
    for door in gate.doors.values():
        door.set()
    assert (await task).value == [{"x": n} for n in range(4)]
    assert gate.most == 2


@pytest.mark.parametrize("wrong", [0, -1, "two", 1.5])
async def test_parallelism_is_a_whole_number_from_one(wrong: object) -> None:
    ended = await run(flow(loop("l", [1], body(), parallel=True, parallelism=wrong)))
    assert "parallelism must be a whole number" in ended.value["error"]["message"]


async def test_a_parallel_iteration_has_results_of_its_own_and_sees_those_around_it(
    js: JavascriptEvaluator,
) -> None:
    ended = await run(flow(
        step("before", {"k": 1}),
        loop("l", [1, 2], step("body", {
            "mine": "js:results.body", "around": "js:results.before.k",
            "first": "js:previous_result.k",
        }), step("next", {"x": "js:results.body.around"}), parallel=True),
        step("after", {"inner": "js:results.body", "all": "js:results.l"}),
    ), {"k": 1}, executor=(echo := Echo()), evaluator=js)
    bodies = [args for name, args in echo.calls if name == "body"]
    assert [each["mine"] for each in bodies] == [None, None]
    assert [each["around"] for each in bodies] == [1, 1]
    assert ended.value == {"inner": None, "all": [{"x": 1}, {"x": 1}]}


async def test_a_loop_in_order_sees_its_own_last_iteration_and_leaves_it_visible(
    js: JavascriptEvaluator,
) -> None:
    ended = await run(flow(
        loop("l", [1, 2], body(mine="js:results.body.x")),
        step("after", {"inner": "js:results.body.x"}),
    ), executor=(echo := Echo()), evaluator=js)
    assert [args["mine"] for name, args in echo.calls if name == "body"] == [None, 1]
    assert ended.value == {"inner": 2}


@pytest.mark.parametrize("skip", [True, False])
async def test_all_parallel_iterations_run_and_succeed_together_or_are_skipped(
    skip: bool, js: JavascriptEvaluator,
) -> None:
    failing = step("body", {"fail": "js:flow_input.iter.value ? 9 : 0"})
    document = flow(loop("l", [0, 1, 0], failing, parallel=True, skip_failures=skip))
    ended = await run(document, evaluator=js)
    assert ended.success is skip
    assert [("error" in item) for item in ended.value] == [False, True, False]


async def test_stops_do_not_leave_a_parallel_loop(js: JavascriptEvaluator) -> None:
    stop = {"expr": "result.x === 1"}
    inner = step("body", {"x": "js:flow_input.iter.value"}, stop_after_if=stop)
    ended = await run(flow(
        loop("l", [1, 2], inner, step("late", {"late": True}), parallel=True,
             stop_after_if={"expr": "true || 0"}),
        step("after", {"all": "js:results.l"}),
    ), evaluator=js)
    assert ended.value == {"all": [{"x": 1}, {"late": True}]}


async def test_a_parallel_loop_over_nothing_is_an_empty_array() -> None:
    assert (await run(flow(loop("l", [], body(), parallel=True)))).value == []


async def test_a_while_loop_counts_from_zero_until_a_stop_in_its_body(
    js: JavascriptEvaluator,
) -> None:
    seen: list[Happening] = []
    stop = {"expr": "flow_input.iter.index === 2"}
    ended = await run(flow(
        forever("w", step("body", {"i": "js:flow_input.iter"}, stop_after_if=stop)),
        step("after", {"all": "js:results.w"}),
    ), evaluator=js, observe=seen.append)
    assert ended.value == {"all": [{"i": {"index": n, "value": n}} for n in range(3)]}
    assert [h.index for h in seen if isinstance(h, Iterating)] == [0, 1, 2]
    assert [h for h in seen if isinstance(h, Stopped)] == [Stopped(id="body", rule="stop_after_if")]


async def test_a_rule_on_the_loop_is_tested_after_each_iteration(js: JavascriptEvaluator) -> None:
    rule = {"expr": "result.x >= 1 && all_iters.length === 2"}
    ended = await run(flow(forever("w", body(), stop_after_if=rule), step("after", {"y": 1})),
                      evaluator=js)
    assert ended.results["w"] == [{"x": 0}, {"x": 1}]
    assert ended.value == {"y": 1}


async def test_a_stop_inside_a_branch_inside_a_loop_breaks_the_loop(
    js: JavascriptEvaluator,
) -> None:
    inner = step("one", {"x": 1}, stop_after_if={"expr": "1 + 1"})
    ended = await run(flow(
        forever("w", branch("b", ("1 + 1", [inner])), step("late")), step("after", {"y": 1}),
    ), evaluator=js)
    assert (ended.results["w"], ended.value) == ([{"x": 1}], {"y": 1})


async def test_a_failure_ends_a_while_loop_unless_failures_are_skipped(
    js: JavascriptEvaluator,
) -> None:
    failing = step("body", {"fail": 1})
    ended = await run(flow(forever("w", failing)))
    assert not ended.success
    assert len(ended.value) == 1
    rule = {"expr": "all_iters.length === 2"}
    ended = await run(flow(forever("w", failing, stop_after_if=rule, skip_failures=True)),
                      evaluator=js)
    assert ended.success
    assert [("error" in item) for item in ended.value] == [True, False]


async def test_a_while_loop_without_a_stop_fails_at_the_engines_cap() -> None:
    echo = Echo()
    ended = await run(flow(forever("w", step("body"))), executor=echo, max_iterations=7)
    assert len(echo.calls) == 7
    assert ended.value["error"]["name"] == "TooManyIterations"
    assert "cap of 7 iterations" in ended.value["error"]["message"]


async def test_stop_after_all_iters_if_stops_the_flow_when_the_loop_is_done(
    js: JavascriptEvaluator,
) -> None:
    rule = {"expr": "result.length === 2", "skip_if_stopped": True}
    for parallel in (True, False):
        ended = await run(flow(
            loop("l", [1, 2], body(), parallel=parallel, stop_after_all_iters_if=rule),
            step("after"),
        ), evaluator=js)
        assert (ended.skipped, ended.value) == (True, [{"x": 1}, {"x": 2}])


async def test_loops_inside_loops_know_their_parents_parent() -> None:
    inner = step("body", {"up": "js:flow_input.iter_parent"})
    ended = await run(flow(loop("a", ["x"], loop("b", ["y"], loop("c", ["z"], inner)))))
    assert ended.value == [[[{"up": {
        "index": 0, "value": "y", "iter_parent": {"index": 0, "value": "x"},
    }}]]]
