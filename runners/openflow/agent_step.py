"""The aiagent step: a Pydantic AI agent with the inputs, limits and result of Windmill's."""

import json
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_ai import (
    Agent,
    AgentRunResult,
    NativeOutput,
    RunContext,
    RunUsage,
    StructuredDict,
    UsageLimits,
)
from pydantic_ai.exceptions import UnexpectedModelBehavior, UsageLimitExceeded
from pydantic_ai.models import Model
from pydantic_ai.settings import ModelSettings
from pydantic_ai.toolsets import AbstractToolset

from agentdyno.runners.openflow.document import AiAgent, McpTool, Module
from agentdyno.runners.openflow.outcome import StepError
from agentdyno.runners.openflow.transcript import Written, read, window, written

Tools = AbstractToolset[None]
_NO_RETRIES = (
    "an aiagent step is given no retries: as on Windmill, an unknown tool, arguments that are not "
    "JSON, or a text that is not of output_schema fail it"
)


class MaxIterations(StepError):
    """The model still asked for tools in its last iteration."""

    def __init__(self, limit: int) -> None:
        message = "AI agent reached max iterations, but there are still tool calls"
        super().__init__(f"{message} (max_iterations {limit})", name="MaxIterations")


class _Inputs(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Provider(_Inputs):
    """Which model, and where: `resource` is the resolved resource (base_url, api_key)."""

    kind: str
    model: str
    resource: dict[str, str]
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None


class Memory(_Inputs):
    """What a step remembers of earlier runs with the same memory id."""

    kind: Literal["off", "window", "auto", "manual"] = "off"
    context_length: int = 0
    messages: tuple[Written, ...] = ()


class Inputs(_Inputs):
    """The evaluated inputs of an aiagent step."""

    provider: Provider
    user_message: str | None = None
    system_prompt: str | None = None
    output_type: Literal["text"] = "text"
    output_schema: dict[str, Any] | None = None
    memory: Memory = Memory()
    memory_id: str | None = None
    previous_messages: tuple[Written, ...] = ()
    streaming: bool | None = None
    temperature: float | None = None
    max_completion_tokens: int | None = None
    max_iterations: int = 10
    tool_choice: Literal["auto", "required", "none"] = "auto"
    """Not of Windmill, whose model always chooses: an addition that it would ignore."""


class Connections(Protocol):
    """Where models and tools come from."""

    def model(self, provider: Provider) -> Model:
        """Return a client of the model."""
        ...

    async def tools(self, resource_path: str) -> Tools:
        """Return the tools of the MCP server that a resource names, connected."""
        ...


@dataclass(eq=False, kw_only=True)
class AgentSteps:
    """A `StepExecutor` for aiagent steps; one belongs to one conversation."""

    connections: Connections
    memory_id: str | None = None
    """Memory id of the run; null remembers nothing."""
    finished: Callable[[str, str], None] = lambda step_id, text: None
    """Told the text of every step that ended well."""
    usage: RunUsage = field(default_factory=RunUsage)
    """What all steps used together, as Pydantic AI counts it."""
    _memory: dict[tuple[str, str], list[Written]] = field(default_factory=dict)

    async def execute(self, module: Module, args: dict[str, Any]) -> dict[str, Any]:
        """Run the agent and return `{output, messages, usage}`.

        Raises:
            StepError: the inputs are wrong.
            MaxIterations: the agent was still calling tools at its limit.
            AgentRunError: of Pydantic AI: what the model or the tools did cannot be used.
        """
        assert isinstance(module.value, AiAgent)
        inputs = _inputs(args)
        history = self._history(module.id, inputs)
        if not inputs.user_message and not history:
            raise StepError("an aiagent needs a `user_message`", name="BadInput")
        usage = RunUsage()
        try:
            result = await self._converse(module.value, inputs, history, usage)
        finally:
            self.usage.incr(usage)
        servers = [tool.value.resource_path for tool in module.value.tools]
        messages = written(result.new_messages(), servers[0] if len(servers) == 1 else None)
        self._remember(module.id, inputs, [*history, *messages])
        output = "" if result.output is None else result.output
        if isinstance(output, str):
            self.finished(module.id, output)
        return {"output": output, "messages": messages, "usage": _counted(usage)}

    async def _converse(
        self, value: AiAgent, inputs: Inputs, history: list[Written], usage: RunUsage
    ) -> AgentRunResult[Any]:
        toolsets = [_filtered(await self.connections.tools(t.value.resource_path), t.value)
                    for t in value.tools]
        limit = min(max(inputs.max_iterations, 1), 1000)
        mode: Literal["parallel", "sequential"] = "parallel" if value.parallel else "sequential"
        with Agent.parallel_tool_call_execution_mode(mode):
            try:
                return await _agent(inputs.system_prompt, json.dumps(inputs.output_schema)).run(
                    inputs.user_message or None, message_history=read(history),
                    model=self.connections.model(inputs.provider), toolsets=toolsets,
                    model_settings=_settings(value, inputs), usage=usage,
                    usage_limits=UsageLimits(request_limit=limit),
                    event_stream_handler=_drain if inputs.streaming else None,
                )
            except UsageLimitExceeded as error:
                raise MaxIterations(limit) from error
            except UnexpectedModelBehavior as error:
                error.add_note(_NO_RETRIES)
                raise

    def _key(self, step_id: str, inputs: Inputs) -> tuple[str, str] | None:
        memory_id = inputs.memory_id or self.memory_id
        return (memory_id, step_id) if memory_id else None

    def _history(self, step_id: str, inputs: Inputs) -> list[Written]:
        memory = inputs.memory
        if memory.kind == "manual":
            return list(memory.messages)
        if memory.kind == "off":
            return list(inputs.previous_messages)
        key = self._key(step_id, inputs)
        return window(self._memory.get(key, []), memory.context_length) if key else []

    def _remember(self, step_id: str, inputs: Inputs, messages: list[Written]) -> None:
        key = self._key(step_id, inputs)
        if key and inputs.memory.kind in ("window", "auto"):
            self._memory[key] = window(messages, inputs.memory.context_length)


def _inputs(args: dict[str, Any]) -> Inputs:
    try:
        return Inputs.model_validate({key: val for key, val in args.items() if val is not None})
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        )
        raise StepError(f"the inputs of the aiagent are wrong: {wrong}", name="BadInput") from None


@lru_cache(maxsize=64)
def _agent(system_prompt: str | None, schema: str) -> Agent[None, Any]:
    """Return the agent: an unknown tool or a text that is not of the schema fails the step.

    It is made once for all its trials: making it costs as much as a model call.
    """
    wanted = json.loads(schema) or {}
    output: Any = [str, type(None)]
    if wanted.get("properties"):
        output = NativeOutput(StructuredDict(wanted, name="output"))
    return Agent(output_type=output, instructions=system_prompt, retries=0)


def _settings(value: AiAgent, inputs: Inputs) -> Any:
    settings = ModelSettings()
    if inputs.temperature is not None:
        settings["temperature"] = inputs.temperature
    if inputs.max_completion_tokens is not None:
        settings["max_tokens"] = inputs.max_completion_tokens
    if inputs.provider.reasoning_effort is not None:
        settings["extra_body"] = {"reasoning_effort": inputs.provider.reasoning_effort}
    if value.tools and value.parallel is False:
        settings["parallel_tool_calls"] = False
    if not value.tools or inputs.tool_choice == "auto":
        return settings
    settings["tool_choice"] = inputs.tool_choice
    return lambda context: settings  # a fixed "required" is refused, a function's is not


def _filtered(tools: Tools, rule: McpTool) -> Tools:
    if not rule.include_tools and not rule.exclude_tools:
        return tools
    return tools.filtered(
        lambda context, tool: tool.name not in rule.exclude_tools
        and (not rule.include_tools or tool.name in rule.include_tools)
    )


async def _drain(context: RunContext[None], events: AsyncIterable[Any]) -> None:
    """Consume the stream: giving a handler is what makes Pydantic AI ask for one."""
    async for _ in events:
        pass


def _counted(usage: RunUsage) -> dict[str, int]:
    return {
        "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


