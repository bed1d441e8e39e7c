"""Writes the OpenFlow document of a team: what a Windmill user would write for the same work."""

from typing import Any

from agentdyno.core.pattern import Pipeline, Single
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Assignment

FOLDER = "f/agentdyno"
"""Windmill folder of the resources that the document names."""
_WINDOW = 10_000
"""Messages that a step remembers; longer than any trial, so that nothing is forgotten."""


def model_path(agent: str) -> str:
    """Return the path of the resource with the model address of `agent`."""
    return f"{FOLDER}/{agent}_model"


def tools_path(agent: str) -> str:
    """Return the path of the resource with the MCP address of `agent`."""
    return f"{FOLDER}/{agent}_tools"


def step_agents(pattern: Single | Pipeline) -> dict[str, str]:
    """Return the agent of each module, by module id, in order; an agent may work twice."""
    steps = (pattern.agent,) if isinstance(pattern, Single) else pattern.steps
    names: dict[str, str] = {}
    for agent in steps:
        name, number = agent, 2
        while name in names or (name != agent and name in steps):
            name, number = f"{agent}_{number}", number + 1
        names[name] = agent
    return names


def flow_for(assignment: Assignment) -> dict[str, Any]:
    """Return the document that executes `assignment`; it holds no address and no secret.

    The flow runs once per user turn, with `task` as its input and one `memory_id` for all turns.
    """
    steps = step_agents(assignment.pattern)
    modules = []
    for index, (name, agent) in enumerate(steps.items()):
        spec = assignment.agent(agent)
        has_tools = assignment.endpoints[agent].mcp_url is not None
        inputs = {
            "provider": _static({
                "kind": "customai", "resource": f"$res:{model_path(agent)}", "model": spec.model,
            }),
            "system_prompt": _static(spec.instructions),
            "user_message": {"type": "javascript", "expr": _message(list(steps)[:index])},
            "streaming": _static(assignment.stream),
            "max_iterations": _static(spec.max_turns),
            "memory": _static({"kind": "window", "context_length": _WINDOW}),
            **_sampling(spec, has_tools),
        }
        modules.append({
            "id": name, "summary": spec.role, "value": {
                "type": "aiagent", "input_transforms": inputs,
                "tools": [_tool(agent)] if has_tools else [],
                "parallel": spec.parallel_tool_calls,
            },
        })
    return {
        "summary": " -> ".join(steps.values()),
        "value": {"modules": modules},
        "schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
            "properties": {"task": {"type": "string"}}, "required": ["task"],
        },
    }


def _static(value: Any) -> dict[str, Any]:
    return {"type": "static", "value": value}


def _message(earlier: list[str]) -> str:
    if not earlier:
        return "flow_input.task"
    wrote = [f'"What {name} wrote:", results.{name}.output' for name in earlier]
    return f"[flow_input.task, {', '.join(wrote)}].join(\"\\n\\n\")"


def _sampling(spec: AgentSpec, has_tools: bool) -> dict[str, Any]:
    inputs = {} if spec.temperature is None else {"temperature": _static(spec.temperature)}
    if has_tools and spec.tool_choice != "auto":
        inputs["tool_choice"] = _static(spec.tool_choice)
    return inputs


def _tool(agent: str) -> dict[str, Any]:
    return {
        "id": f"{agent}_tools", "summary": "tools",
        "value": {"tool_type": "mcp", "resource_path": tools_path(agent)},
    }
