"""Run by the windmill environment: agent steps whose models are functions, and agents as tools."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model
from pydantic_ai.models.function import AgentInfo, FunctionModel

from agentdyno.core.errors import EnvironmentFault
from agentdyno.runners.openflow.agent_inputs import Provider
from agentdyno.runners.openflow.agent_step import AgentSteps
from agentdyno.runners.openflow.document import parse
from agentdyno.runners.openflow.engine import FlowEngine
from agentdyno.runners.openflow.happenings import Called, Happening, Returned, Wrote
from agentdyno.runners.openflow.outcome import FlowResult

_Play = Callable[[list[ModelMessage], AgentInfo], ModelResponse]


class _Javascript:
    async def evaluate(self, expr: str, context: Mapping[str, Any]) -> Any:
        raise AssertionError(f"{expr} needs no JavaScript")


class _Connections:
    """Models by name; there are no tools."""

    def __init__(self, **models: _Play) -> None:
        self._models = {name: FunctionModel(play) for name, play in models.items()}

    def model(self, provider: Provider) -> Model:
        return self._models[provider.model]

    async def tools(self, resource_path: str) -> Any:
        raise AssertionError(resource_path)


def _inputs(model: str, **more: Any) -> dict[str, Any]:
    return {"provider": {"kind": "customai", "resource": {}, "model": model},
            "system_prompt": f"You are {model}.", **more}


def _worker(name: str, message: Any = None, **inputs: Any) -> dict[str, Any]:
    transforms = {**_inputs(name), **inputs}
    return {"id": f"id_{name}", "summary": name, "description": f"asks {name}", "value": {
        "tool_type": "flowmodule", "type": "aiagent",
        "input_transforms": {
            **{key: {"type": "static", "value": value} for key, value in transforms.items()},
            "user_message": message or {"type": "ai"},
        },
    }}


def _run(*tools: dict[str, Any], seen: list[Happening] | None = None, **models: Any) -> FlowResult:
    inputs = _inputs("boss", user_message="do it", max_iterations=3)
    document = {"value": {"modules": [{"id": "boss", "value": {
        "type": "aiagent", "tools": tools, "parallel": True, "input_transforms": {
            key: {"type": "static", "value": value} for key, value in inputs.items()
        },
    }}]}}
    observe = (seen if seen is not None else []).append
    steps = AgentSteps(connections=_Connections(**models), observe=observe)
    engine = FlowEngine(executor=steps, evaluator=_Javascript(), observe=observe)
    ended = asyncio.run(engine.run(parse(document), {"secret": "of the flow"}))
    if ended.success:
        assert ended.value["usage"]["output_tokens"] <= steps.usage.output_tokens
    return ended


def _results(messages: list[ModelMessage]) -> list[str]:
    return [str(part.content) for message in messages for part in message.parts
            if isinstance(part, ToolReturnPart)]


def _asks(*calls: tuple[str, dict[str, Any]]) -> _Play:
    """Make all calls at once, then write down what came back."""

    def play(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        found = _results(messages)
        if found:
            return ModelResponse(parts=[TextPart(content=" | ".join(found))])
        return ModelResponse(parts=[
            ToolCallPart(tool_name=name, args=arguments) for name, arguments in calls
        ])

    return play


def _says(text: str) -> _Play:
    return lambda messages, info: ModelResponse(parts=[TextPart(content=text)])


def _echoes(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    texts = [str(part.content) for message in messages for part in message.parts
             if isinstance(part, UserPromptPart)]
    return ModelResponse(parts=[TextPart(content=json.dumps([*texts, info.instructions]))])


def a_worker_sees_the_message_and_its_own_instructions_and_remembers_nothing() -> None:
    ended = _run(
        _worker("digger"), digger=_echoes,
        boss=_asks(("digger", {"user_message": "first"}), ("digger", {"user_message": "second"})),
    )
    expected = [json.dumps([text, "You are digger."]) for text in ("first", "second")]
    assert ended.value["output"] == " | ".join(expected)


def the_models_schema_is_the_message_alone_and_names_are_those_of_the_summary() -> None:
    offered: list[AgentInfo] = []

    def boss(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        offered.append(info)
        return ModelResponse(parts=[TextPart(content="done")])

    _run(_worker("digger"), _worker("bound", {"type": "static", "value": "fixed"}), boss=boss)
    digger, bound = offered[0].function_tools
    assert (digger.name, digger.description) == ("digger", "asks digger")
    assert list(digger.parameters_json_schema["properties"]) == ["user_message"]
    assert digger.parameters_json_schema["required"] == ["user_message"]
    assert bound.parameters_json_schema["properties"] == {}


def bound_inputs_come_from_where_the_caller_stands_in_the_flow() -> None:
    message = {"type": "javascript", "expr": "flow_input.secret"}
    ended = _run(_worker("digger", message), digger=_echoes, boss=_asks(("digger", {})))
    assert json.loads(ended.value["output"]) == ["of the flow", "You are digger."]


def what_fails_inside_a_worker_is_told_to_the_caller_and_fails_nothing() -> None:
    def broken(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        raise RuntimeError("the provider is on fire")

    seen: list[Happening] = []
    ended = _run(_worker("digger"), seen=seen, digger=broken,
                 boss=_asks(("digger", {"user_message": "dig"})))
    failure = "Error running tool: the provider is on fire"
    assert (ended.success, ended.value["output"]) == (True, failure)
    assert Returned(id="boss", tool="id_digger", error=failure) in seen


def a_fault_of_the_environment_is_no_workers_failure() -> None:
    def broken(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        raise EnvironmentFault("no engine", "install it")

    try:
        _run(_worker("digger"), digger=broken, boss=_asks(("digger", {"user_message": "dig"})))
    except EnvironmentFault:
        return
    raise AssertionError("the fault was taken for a tool's error")


def a_worker_that_misuses_its_tools_or_is_told_nothing_is_a_tools_error() -> None:
    ended = _run(_worker("digger"), digger=lambda messages, info: ModelResponse(
        parts=[ToolCallPart(tool_name="absent", args={})]
    ), boss=_asks(("digger", {"user_message": "dig"})))
    assert ended.value["output"].startswith("Error running tool: ")
    assert "absent" in ended.value["output"]
    ended = _run(_worker("digger"), digger=_echoes, boss=_asks(("digger", {"other": 1})))
    assert ended.value["output"] == "Error running tool: an aiagent needs a `user_message`"


def a_manager_that_still_calls_at_its_limit_fails_its_step() -> None:
    ended = _run(_worker("digger"), digger=_says("found"), boss=lambda messages, info: (
        ModelResponse(parts=[ToolCallPart(tool_name="digger", args={"user_message": "more"})])
    ))
    assert not ended.success
    assert "max_iterations 3" in ended.value["error"]["message"]


def a_name_that_no_model_could_be_given_fails_the_step() -> None:
    wrong = {**_worker("digger"), "summary": "the digger"}
    ended = _run(wrong, boss=_says("done"))
    assert ended.value["error"]["message"] == "Invalid tool name: 'the digger'"


def who_calls_whom_and_what_comes_of_it_is_told_in_order() -> None:
    seen: list[Happening] = []
    ended = _run(_worker("digger"), seen=seen, digger=_says("found"),
                 boss=_asks(("digger", {"user_message": "dig"})))
    assert [h for h in seen if isinstance(h, Called | Returned | Wrote)] == [
        Called(id="boss", tool="id_digger", message="dig"),
        Wrote(id="id_digger", text="found", caller="boss"),
        Returned(id="boss", tool="id_digger"), Wrote(id="boss", text="found"),
    ]
    told = [m["agent_action"] for m in ended.value["messages"] if m["role"] == "tool"]
    assert told == [{"type": "tool_call", "module_id": "id_digger", "function_name": "digger",
                     "arguments": {"user_message": "dig"}}]


def workers_called_at_once_work_at_once() -> None:
    barrier = asyncio.Barrier(2)

    async def meets(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        async with asyncio.timeout(10):
            await barrier.wait()
        return ModelResponse(parts=[TextPart(content="met")])

    ended = _run(_worker("east"), _worker("west"), east=meets, west=meets,
                 boss=_asks(("east", {"user_message": "x"}), ("west", {"user_message": "y"})))
    assert ended.value["output"] == "met | met"
