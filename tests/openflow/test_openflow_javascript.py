"""The JavaScript process: what it computes, what it refuses, and which limits hold."""

import asyncio
import sys
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import pytest_asyncio

from agentdyno.core.errors import EnvironmentFault
from agentdyno.runners.openflow import javascript
from agentdyno.runners.openflow.evaluator import EvaluationError, function_body
from agentdyno.runners.openflow.javascript import JavascriptEvaluator

needs_quickjs = pytest.mark.skipif(
    find_spec("quickjs") is None, reason="quickjs has no wheel for this Python or machine"
)


pytestmark = pytest.mark.asyncio(loop_scope="module")


ENGINES = [pytest.param("quickjs", marks=needs_quickjs), "mini-racer"]


@pytest_asyncio.fixture(params=ENGINES, scope="module", loop_scope="module")
async def js(request: pytest.FixtureRequest) -> AsyncIterator[JavascriptEvaluator]:
    evaluator = JavascriptEvaluator(engine=request.param, cpu_s=20, wall_s=60)
    yield evaluator
    await evaluator.close()


@pytest_asyncio.fixture(params=ENGINES, scope="module", loop_scope="module")
async def strict(request: pytest.FixtureRequest) -> AsyncIterator[JavascriptEvaluator]:
    evaluator = JavascriptEvaluator(engine=request.param, cpu_s=0.2, wall_s=60)
    yield evaluator
    await evaluator.close()


async def test_an_expression_sees_its_variables_and_gives_json(js: JavascriptEvaluator) -> None:
    context = {"flow_input": {"n": [1, 2, 3]}, "previous_result": {"a": None}}
    expr = "({sum: flow_input.n.reduce((a, b) => a + b), ...previous_result, t: `${1 + 1}`})"
    assert await js.evaluate(expr, context) == {"sum": 6, "a": None, "t": "2"}


@pytest.mark.parametrize(("text", "value"), [
    ("1 + 1", 2),
    ("{a: 1}", {"a": 1}),
    ("const x = 2; return x * 3", 6),
    ("if (true) { return 'yes' }", "yes"),
    ("'a;b'", "a;b"),
    ("1; return 2", 2),
    ("await Promise.resolve(5)", None),
    ("return await Promise.resolve(5)", 5),
    ("returned", 7),
    ("", None),
    ("undefined", None),
])
async def test_statements_return_for_themselves_and_expressions_are_returned(
    js: JavascriptEvaluator, text: str, value: object
) -> None:
    assert await js.evaluate(text, {"returned": 7} if text == "returned" else {}) == value


@pytest.mark.parametrize(
    "text", ['results["x"]', "results['x']", "(results?.x)", "return await results.x"]
)
async def test_results_are_read_by_dot_and_by_bracket(js: JavascriptEvaluator, text: str) -> None:
    assert await js.evaluate(text, {"results": {"x": {"y": 1}}}) == {"y": 1}


async def test_a_missing_result_is_null_and_a_field_of_it_throws(js: JavascriptEvaluator) -> None:
    assert await js.evaluate("results.nope === null", {"results": {}}) is True
    assert await js.evaluate("results.constructor === null", {"results": {}}) is True
    with pytest.raises(EvaluationError, match="TypeError"):
        await js.evaluate("results.nope.field + ''", {"results": {}})


@pytest.mark.parametrize(("text", "said"), [
    ("flow_input.", "SyntaxError"),
    ("1; return )", "SyntaxError"),
    ("throw new Error('ünhappy')", "ünhappy"),
    ("throw {a: 1}", "object"),
    ("nothing_of_that_name", "ReferenceError"),
    ("10n", "(?i)bigint"),
    ("new Promise(() => {})", "never comes"),
])
async def test_what_javascript_says_is_in_the_error(
    js: JavascriptEvaluator, text: str, said: str
) -> None:
    with pytest.raises(EvaluationError, match=said):
        await js.evaluate(text, {})


async def test_a_value_that_is_not_json_is_refused(js: JavascriptEvaluator) -> None:
    with pytest.raises(EvaluationError, match="not JSON"):
        await js.evaluate("flow_input", {"flow_input": {"x": float("nan")}})


@pytest.mark.parametrize("text", [
    "while (true) {}",
    "return (async () => { await null; while (true) {} })()",
    "const again = async () => { await null; return again() }; return again()",
    "let all = []; while (true) all.push(new Array(1000).fill(7))",
    "function deep() { return deep() + 1 }; return deep()",
])
async def test_endless_work_and_endless_memory_are_stopped_and_the_next_one_runs(
    strict: JavascriptEvaluator, text: str
) -> None:
    with pytest.raises(EvaluationError):
        await strict.evaluate(text, {})
    assert await strict.evaluate("1 + 1", {}) == 2


@needs_quickjs
async def test_a_catastrophic_regular_expression_is_killed_by_the_wall_clock() -> None:
    js = JavascriptEvaluator(engine="quickjs", cpu_s=0.1, wall_s=1)
    with pytest.raises(EvaluationError, match="stopped after 1 s"):
        await js.evaluate("/^(a+)+$/.test('a'.repeat(40) + 'b')", {})
    assert await js.evaluate("1 + 1", {}) == 2
    await js.close()


@pytest.mark.parametrize("name", [
    "process", "require", "module", "Deno", "Bun", "fetch", "XMLHttpRequest", "std", "os",
    "WebAssembly && 'fs' in WebAssembly && fs",
])
async def test_nothing_of_the_host_is_within_reach(js: JavascriptEvaluator, name: str) -> None:
    bare = name.split()[-1]
    assert await js.evaluate(f"typeof {bare}", {}) == "undefined"


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process table of Linux")
async def test_the_process_has_no_variable_of_the_environment(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", "bird-of-the-environment")
    js = JavascriptEvaluator()
    await js.evaluate("1 + 1", {})
    assert js._child is not None
    environment = environment_of(js._child.pid)
    await js.close()
    assert b"bird-of-the-environment" not in environment


async def test_nothing_leaks_from_one_expression_to_the_next(js: JavascriptEvaluator) -> None:
    await js.evaluate("globalThis.left = 1; Object.prototype.left = 2; return 0", {})
    assert await js.evaluate("typeof left + typeof ({}).left", {}) == "undefinedundefined"


async def test_any_text_goes_through_unchanged(js: JavascriptEvaluator) -> None:
    text = "ü 漢字 \U0001f600 \u2028 \x00 \" ' ` \\ \n ${x} \ud800"
    assert await js.evaluate("flow_input.text + ''", {"flow_input": {"text": text}}) == text


async def test_large_values_go_through(js: JavascriptEvaluator) -> None:
    rows = [{"id": n, "name": f"row {n}", "tags": ["a", "b"]} for n in range(8000)]
    expr = "flow_input.rows.map(row => row)"
    assert await js.evaluate(expr, {"flow_input": {"rows": rows}}) == rows


async def test_a_cancelled_evaluation_does_not_disturb_the_next(js: JavascriptEvaluator) -> None:
    await js.evaluate("1", {})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await js.evaluate("while (true) {}", {})
    assert await js.evaluate("'mine'", {}) == "mine"


async def test_a_missing_engine_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(javascript, "find_spec", lambda name: None)
    with pytest.raises(EnvironmentFault, match="agentdyno env sync windmill"):
        await JavascriptEvaluator().evaluate("1 + 1", {})


async def test_only_expressions_get_a_return() -> None:
    assert function_body("  a + b ") == "return a + b"
    assert function_body("constant") == "return constant"
    assert function_body("const a = 1\nreturn a") == "const a = 1\nreturn a"
    assert function_body("`a;b` + ';'") == "return `a;b` + ';'"


async def test_a_process_that_does_not_start_is_the_environments_fault() -> None:
    js = JavascriptEvaluator(engine="no-such-engine")  # type: ignore[arg-type]
    with pytest.raises(EnvironmentFault, match="does not start"):
        await js.evaluate("1 + 1", {})
