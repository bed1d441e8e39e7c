"""The aiagent step: a Pydantic AI agent with the inputs, limits and result of Windmill's."""

import json
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, Protocol

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

from agentdyno.runners.openflow.agent_inputs import Inputs, Provider, Written, inputs_of
from agentdyno.runners.openflow.agent_tools import CalledAgents, Tools, text_of
from agentdyno.runners.openflow.document import AgentTool, AiAgent, McpTool, Module, NestedAgent
from agentdyno.runners.openflow.happenings import Observe, Wrote, unseen
from agentdyno.runners.openflow.outcome import Evaluate, StepError
from agentdyno.runners.openflow.transcript import read, window, written

_NO_RETRIES = (
    "an aiagent step is given no retries: as on Windmill, an unknown tool, arguments that are not "
    "JSON, or a text that is not of output_schema fail it"
)


class MaxIterations(StepError):
    """The model still asked for tools in its last iteration."""

    def __init__(self, limit: int) -> None:
        message = "AI agent reached max iterations, but there are still tool calls"
        super().__init__(f"{message} (max_iterations {limit})", name="MaxIterations")


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
    observe: Observe = unseen
    """Told what agents write, and how they call each other."""
    usage: RunUsage = field(default_factory=RunUsage)
    """What all steps used together, as Pydantic AI counts it."""
    _memory: dict[tuple[str, str], list[Written]] = field(default_factory=dict)

    async def execute(
        self, module: Module, args: dict[str, Any], evaluate: Evaluate
    ) -> dict[str, Any]:
        """Run the agent and return `{output, messages, usage}`.

        Raises:
            StepError: the inputs are wrong, or a tool's name is.
            MaxIterations: the agent was still calling tools at its limit.
            AgentRunError: of Pydantic AI: what the model or the tools did cannot be used.
        """
        assert isinstance(module.value, AiAgent)
        agents = CalledAgents(
            caller=module.id, tools=module.value.tools, evaluate=evaluate, work=self._work,
            observe=self.observe,
        )
        ended = await self._work(module.id, module.value, args, agents.toolsets())
        self.observe(Wrote(id=module.id, text=text_of(ended["output"])))
        return ended

    async def _work(
        self, step_id: str, value: AiAgent | NestedAgent, args: dict[str, Any],
        agents: Sequence[Tools] = (),
    ) -> dict[str, Any]:
        inputs = inputs_of(args)
        history = self._history(step_id, inputs)
        if not inputs.user_message and not history:
            raise StepError("an aiagent needs a `user_message`", name="BadInput")
        servers = [tool.value for tool in value.tools if isinstance(tool.value, McpTool)]
        offered = [
            _filtered(await self.connections.tools(rule.resource_path), rule) for rule in servers
        ]
        result = await self._converse(value, inputs, history, [*offered, *agents])
        messages = written(
            result.new_messages(), servers[0].resource_path if len(servers) == 1 else None,
            {tool.summary: tool.id for tool in value.tools if isinstance(tool, AgentTool)
             and isinstance(tool.value, NestedAgent)},
        )
        self._remember(step_id, inputs, [*history, *messages])
        output = "" if result.output is None else result.output
        return {"output": output, "messages": messages, "usage": _counted(result.usage)}

    async def _converse(
        self, value: AiAgent | NestedAgent, inputs: Inputs, history: list[Written],
        toolsets: list[Tools],
    ) -> AgentRunResult[Any]:
        limit = min(max(inputs.max_iterations, 1), 1000)
        mode: Literal["parallel", "sequential"] = "parallel" if value.parallel else "sequential"
        usage = RunUsage()
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
            finally:
                self.usage.incr(usage)

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


def _settings(value: AiAgent | NestedAgent, inputs: Inputs) -> Any:
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


