"""The document of a team: complete, free of secrets, and runnable as it stands."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from agentdyno.core.pattern import Pipeline, Single
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Assignment, Endpoint
from agentdyno.runners.openflow.attributes import Javascript
from agentdyno.runners.openflow.document import Module, parse
from agentdyno.runners.openflow.engine import FlowEngine
from agentdyno.runners.openflow.generate import flow_for
from agentdyno.runners.openflow.generate_parts import unique_ids
from agentdyno.runners.openflow.javascript import JavascriptEvaluator


def agent(name: str, **settings: Any) -> AgentSpec:
    return AgentSpec(
        name=name, role=f"the {name}", goal="g", instructions=f"You are {name}.", **settings
    )


def assignment(pattern: Single | Pipeline, *agents: AgentSpec, tools: bool = True) -> Assignment:
    return Assignment(
        trial_id="t1", pattern=pattern, agents=agents, user_turns=("do it",), token="s3cret",
        endpoints={
            spec.name: Endpoint(
                model_base_url=f"http://gateway/t/t1/{spec.name}/v1",
                mcp_url=f"http://gateway/mcp/t1/{spec.name}" if tools else None,
            )
            for spec in agents
        },
    )


def inputs(document: dict[str, Any], index: int = 0) -> dict[str, Any]:
    transforms = document["value"]["modules"][index]["value"]["input_transforms"]
    return {name: t["value"] for name, t in transforms.items() if t["type"] == "static"}


def test_one_agent_is_one_aiagent_module_with_everything_it_was_asked_for() -> None:
    document = flow_for(assignment(Single(agent="solo"), agent("solo", temperature=0.3))).document
    (module,) = document["value"]["modules"]
    assert (module["id"], module["value"]["type"]) == ("solo", "aiagent")
    assert inputs(document) == {
        "provider": {
            "kind": "customai", "model": "default", "resource": "$res:f/agentdyno/solo_model",
        },
        "system_prompt": "You are solo.", "temperature": 0.3, "max_iterations": 10,
        "streaming": False, "memory": {"kind": "window", "context_length": 10_000},
    }
    (tool,) = module["value"]["tools"]
    assert tool["value"] == {"tool_type": "mcp", "resource_path": "f/agentdyno/solo_tools"}
    assert parse(document).value.modules[0].id == "solo"


def test_the_document_holds_no_address_and_no_token() -> None:
    text = json.dumps(flow_for(
        assignment(Pipeline(steps=("a", "b")), agent("a"), agent("b"))
    ).document)
    assert "s3cret" not in text
    assert "gateway" not in text


def test_what_is_not_asked_for_is_not_written() -> None:
    spec = agent("solo", temperature=None, tool_choice="required")
    plain = flow_for(assignment(Single(agent="solo"), spec, tools=False)).document
    assert not {"temperature", "tool_choice"} & inputs(plain).keys()
    assert plain["value"]["modules"][0]["value"]["tools"] == []
    armed = flow_for(assignment(Single(agent="solo"), spec)).document
    assert inputs(armed)["tool_choice"] == "required"


@pytest.mark.parametrize(("steps", "ids"), [
    (("a", "b"), ["a", "b"]),
    (("a", "b", "a", "a"), ["a", "b", "a_2", "a_3"]),
    (("a", "a", "a_2"), ["a", "a_3", "a_2"]),
])
def test_every_step_has_an_id_of_its_own(steps: tuple[str, ...], ids: list[str]) -> None:
    found = unique_ids(steps)
    assert list(found) == ids
    assert tuple(found.values()) == steps


async def test_each_step_of_a_pipeline_reads_the_task_and_what_the_steps_before_it_wrote() -> None:
    class Writes:
        def __init__(self) -> None:
            self.read: list[str] = []

        async def execute(self, module: Module, args: Mapping[str, Any], evaluate: Any) -> Any:
            self.read.append(args["user_message"])
            return {"output": f"text of {module.id}; `${{1}}` \"ü\"", "messages": []}

    document = flow_for(
        assignment(Pipeline(steps=("a", "b", "a")), agent("a"), agent("b"))
    ).document
    references = {f"$res:f/agentdyno/{name}_model": {} for name in "ab"}
    writes, js = Writes(), JavascriptEvaluator()
    engine = FlowEngine(executor=writes, evaluator=js, references=references)
    ended = await engine.run(parse(document), {"task": "do; it"})
    await js.close()
    first, second = "text of a; `${1}` \"ü\"", "text of b; `${1}` \"ü\""
    assert writes.read == [
        "do; it",
        f"do; it\n\nWhat a wrote:\n\n{first}",
        f"do; it\n\nWhat a wrote:\n\n{first}\n\nWhat b wrote:\n\n{second}",
    ]
    assert ended.value["output"].startswith("text of a_2")


def test_the_first_message_is_the_task() -> None:
    flow = parse(flow_for(assignment(Single(agent="solo"), agent("solo"))).document)
    value = flow.value.modules[0].value
    assert value.type == "aiagent"
    assert value.input_transforms["user_message"] == Javascript(
        type="javascript", expr="flow_input.task"
    )
