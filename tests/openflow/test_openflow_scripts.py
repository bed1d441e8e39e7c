"""rawscript modules: plain JavaScript runs, everything else is refused with its reason."""

from typing import Any

import pytest

from agentdyno.runners.openflow.document import FlowDocumentError, parse
from agentdyno.runners.openflow.javascript import JavascriptEvaluator
from agentdyno.tests.openflow.flows import flow, run, step

pytestmark = pytest.mark.asyncio(loop_scope="module")


def script(content: str, inputs: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    language = rest.pop("language", "bun")
    module = step("s", inputs, **rest)
    module["value"] |= {"type": "rawscript", "language": language, "content": content}
    return module


async def test_main_gets_its_parameters_by_name_and_its_result_is_the_steps(
    js: JavascriptEvaluator,
) -> None:
    content = """const unit = "s;";
    export async function main(b, a = 5, absent = "none") {
      return {a, b, absent, unit};
    }"""
    ended = await run(flow(script(content, {"a": 1, "b": {"x": "ü"}, "extra": 9})), evaluator=js)
    assert ended.value == {"a": 1, "b": {"x": "ü"}, "absent": "none", "unit": "s;"}


async def test_a_script_that_throws_fails_its_step_and_may_be_retried(
    js: JavascriptEvaluator,
) -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    module = script('export function main() { throw new Error("no luck"); }',
                    retry={"constant": {"attempts": 2, "seconds": 3}})
    ended = await run(flow(module), evaluator=js, sleep=wait)
    assert not ended.success
    assert ended.value["error"]["name"] == "ExecutionErr"
    assert "no luck" in ended.value["error"]["message"]
    assert waits == [3, 3]


async def test_a_script_with_types_does_not_parse(js: JavascriptEvaluator) -> None:
    ended = await run(flow(script("export function main(a: number) { return a; }")), evaluator=js)
    assert "SyntaxError" in ended.value["error"]["message"]


@pytest.mark.parametrize(("language", "content", "reason"), [
    ("python3", "def main(): return 1", "is written in `python3`"),
    ("bun", "main = 1", "does not export a function `main`"),
    ("bun", "import {x} from 'y';\nexport function main() {}", "imports something"),
])
async def test_what_cannot_be_executed_is_refused(
    language: str, content: str, reason: str
) -> None:
    with pytest.raises(FlowDocumentError, match=reason):
        parse(flow(script(content, language=language)))
