"""What lies between two modules: sleep, and waiting for people."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from agentdyno.runners.openflow.document import FlowDocumentError
from agentdyno.runners.openflow.happenings import Happening, Resumed, Suspended
from agentdyno.runners.openflow.javascript import JavascriptEvaluator
from agentdyno.runners.openflow.means import Resume, Suspension
from agentdyno.tests.openflow.flows import Echo, branch, flow, loop, run, step

pytestmark = pytest.mark.asyncio(loop_scope="module")
SEES = {
    "last": "js:resume", "all": "js:resumes", "who": "js:approvers", "before": "js:previous_result",
}


class People:
    """Say what they were told to say, one after the other; then nobody says anything for ever."""

    def __init__(self, *words: Resume, silent: bool = False) -> None:
        self._words = words
        self._silent = silent
        self.asked: list[Suspension] = []

    async def __call__(self, suspension: Suspension) -> AsyncGenerator[Resume, None]:
        self.asked.append(suspension)
        for word in self._words:
            yield word
        if self._silent:
            await asyncio.Event().wait()


def waits(name: str = "a", **suspend: Any) -> dict[str, Any]:
    return step(name, {"x": 1}, suspend={"required_events": 1, **suspend})


async def test_sleep_delays_the_next_module(js: JavascriptEvaluator) -> None:
    slept: list[tuple[float, int]] = []
    echo = Echo()

    async def sleep(seconds: float) -> None:
        slept.append((seconds, len(echo.calls)))

    expr = {"type": "javascript", "expr": "result.x + flow_input.k"}
    await run(flow(step("a", {"x": 1}, sleep=0.5), step("b", {"x": 2}, sleep=expr), step("c")),
              {"k": 3}, evaluator=js, executor=echo, sleep=sleep)
    assert slept == [(0.5, 1), (5.0, 2)]


async def test_sleep_does_not_see_the_results_of_other_modules() -> None:
    expr = {"type": "javascript", "expr": "results.a.x"}
    ended = await run(flow(step("a", {"x": 1}), step("b", sleep=expr), step("c")))
    assert "sleep must be a number of seconds from 0, not None" in ended.value["error"]["message"]
    assert ended.value["error"]["step_id"] == "b"


async def test_a_pause_after_the_last_module_comes_before_an_identity_module() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    ended = await run(flow(step("a", {"x": 1}, sleep=2)), sleep=sleep)
    assert (slept, ended.results) == ([2.0], {"a": {"x": 1}, "a-v": {"x": 1}})
    ended = await run(flow(loop("l", [1, 2], step("a", sleep=3))), sleep=sleep)
    assert slept == [2.0, 3.0, 3.0]


async def test_an_approval_lets_the_next_module_see_what_was_said() -> None:
    people = People(Resume(approver="ann", payload={"ok": 1}), Resume(approver="bob", payload=2))
    seen: list[Happening] = []
    ended = await run(
        flow(waits(required_events=2, resume_form={"schema": {"type": "object"}},
                   user_groups_required=["ops"], self_approval_disabled=True),
             step("b", SEES), step("c", SEES)),
        resumes=people, observe=seen.append,
    )
    assert ended.results["b"] == {
        "last": 2, "all": [{"ok": 1}, 2], "who": ["ann", "bob"], "before": {"x": 1},
    }
    assert ended.value | {"before": None} == {"last": None, "all": [], "who": [], "before": None}
    (asked,) = people.asked
    assert (asked.step_id, asked.result, asked.timeout_s) == ("a", {"x": 1}, 1800.0)
    assert (asked.form, asked.user_groups_required) == ({"type": "object"}, ("ops",))
    assert asked.self_approval_disabled
    paused = [h for h in seen if isinstance(h, Suspended | Resumed)]
    assert paused == [Suspended(id="a", required=2), Resumed(id="a", approvers=("ann", "bob"))]


async def test_a_condition_right_after_the_wait_sees_the_payload(js: JavascriptEvaluator) -> None:
    people = People(Resume(approver="ann", payload={"go": "left"}))
    ended = await run(flow(
        waits(), branch("b", ("resume.go === 'left'", [step("left", {"y": 1})])),
    ), evaluator=js, resumes=people)
    assert ended.value == {"y": 1}


@pytest.mark.parametrize("enough", [[], [Resume(approver="ann")]])
async def test_a_disapproval_fails_the_flow_whatever_came_before(enough: list[Resume]) -> None:
    people = People(*enough, Resume(approver="eve", approved=False))
    echo = Echo()
    failure = step("failure", {"e": "js:error"})
    ended = await run(
        flow(waits(required_events=2), step("b"), failure_module=failure),
        resumes=people, executor=echo,
    )
    assert not ended.success
    assert ended.value == {
        "e": {"name": "SuspendedDisapproved", "message": "Disapproved by eve"},
    }
    assert [name for name, _ in echo.calls] == ["a", "failure"]


async def test_a_wait_that_overruns_its_timeout_fails_the_flow() -> None:
    seen: list[Happening] = []
    people = People(Resume(approver="ann"), silent=True)
    ended = await run(flow(waits(required_events=2, timeout=0.01), step("b")), resumes=people,
                      observe=seen.append)
    assert ended.value["error"]["name"] == "SuspendedTimedOut"
    assert ended.value["error"]["message"].startswith("1 of 2 approvals")
    assert Resumed(id="a", approvers=("ann",), error="SuspendedTimedOut") in seen


async def test_when_nobody_will_say_anything_more_the_wait_is_over_at_once() -> None:
    ended = await run(flow(waits(), step("b")), resumes=People())
    assert ended.value["error"]["name"] == "SuspendedTimedOut"


async def test_a_flow_may_go_on_after_a_disapproval_or_a_timeout() -> None:
    people = People(Resume(approver="ann", payload=7), Resume(approver="eve", approved=False))
    ended = await run(
        flow(waits(required_events=2, continue_on_disapprove_timeout=True), step("b", SEES)),
        resumes=people,
    )
    error = {"error": {"name": "SuspendedDisapproved", "message": "Disapproved by eve"}}
    assert ended.value == {"last": error, "all": [7, error], "who": ["ann"], "before": {"x": 1}}


async def test_a_step_that_failed_or_was_skipped_waits_for_nobody() -> None:
    people = People()
    failed = step("a", {"fail": 1}, suspend={"required_events": 1}, continue_on_error=True)
    assert (await run(flow(failed, step("b", {"y": 1})), resumes=people)).value == {"y": 1}
    skipped = step("a", suspend={"required_events": 1}, skip_if={"expr": "flow_input"})
    assert (await run(flow(skipped, step("b", {"y": 1})), {"k": 1}, resumes=people)).success
    assert people.asked == []


async def test_waiting_and_sleeping_may_come_after_one_module() -> None:
    order: list[str] = []

    async def sleep(seconds: float) -> None:
        order.append(f"slept {seconds:g}")

    async def approve(suspension: Suspension) -> AsyncGenerator[Resume, None]:
        order.append("asked")
        yield Resume(approver="ann")

    ended = await run(flow({**waits(), "sleep": 4}, step("b", SEES)), resumes=approve, sleep=sleep)
    assert order == ["asked", "slept 4"]
    assert ended.value["who"] == ["ann"]


async def test_a_flow_that_nobody_could_resume_is_refused_before_anything_runs() -> None:
    echo = Echo()
    document = flow(step("first"), branch("b", ("true", [waits("inner")])))
    with pytest.raises(FlowDocumentError, match="module `inner` waits to be resumed"):
        await run(document, executor=echo)
    assert echo.calls == []
