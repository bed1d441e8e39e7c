"""Modules and expressions that the documents of teams are made of."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Assignment

FOLDER = "f/agentdyno"
"""Windmill folder of the resources that the document names."""
TASK = "flow_input.task"
"""What the user said, as an expression."""
_WINDOW = 10_000
"""Messages that a step remembers; longer than any trial, so that nothing is forgotten."""

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What it means that the stop rule of a module held."""

    name: Callable[[str, str], str]
    """From an agent's name and its last text to the name of what stopped; "" when nothing did, and
    only the next part begins."""
    step: str | None = None
    """Module of that agent; null for whoever wrote last."""


@dataclass(frozen=True, kw_only=True)
class TeamFlow:
    """The document of a team, and what its parts stand for."""

    modules: list[Json]
    agents: dict[str, str]
    """Agent by module id, or by the id of its entry in another agent's `tools`."""
    answer: str | None = None
    """Module whose output is the answer; null where the flow's own result holds it."""
    hears: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Agents that read what an agent writes, by its name; everybody where it is absent."""
    ends: dict[str, Ending] = field(default_factory=dict)
    """What stop rules mean, by module id."""
    chosen_by: str = ""
    """Agent that chooses who works next."""
    silent: frozenset[str] = frozenset()
    """Modules of agents that speak to nobody, and loops that are no rounds of the team."""

    @property
    def document(self) -> Json:
        """The OpenFlow document; it holds no address and no secret."""
        return {
            "summary": ", ".join(dict.fromkeys(self.agents.values())),
            "value": {"modules": self.modules},
            "schema": {
                "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
                "properties": {"task": {"type": "string"}}, "required": ["task"],
            },
        }


def model_path(agent: str) -> str:
    """Return the path of the resource with the model address of `agent`."""
    return f"{FOLDER}/{agent}_model"


def tools_path(agent: str) -> str:
    """Return the path of the resource with the MCP address of `agent`."""
    return f"{FOLDER}/{agent}_tools"


def unique_ids(agents: Sequence[str]) -> dict[str, str]:
    """Return the agent of each module, by module id, in order; an agent may work twice."""
    names: dict[str, str] = {}
    for agent in agents:
        name, number = agent, 2
        while name in names or (name != agent and name in agents):
            name, number = f"{agent}_{number}", number + 1
        names[name] = agent
    return names


def agent_module(
    assignment: Assignment, step: str, agent: str, message: str, *,
    stop: str | None = None, tools: Sequence[Json] = (),
) -> Json:
    """Return the aiagent module in which `agent` reads the value of the expression `message`.

    `stop` is its `stop_after_if`, `tools` come beside its own.
    """
    spec = assignment.agent(agent)
    own = _own_tools(assignment, agent)
    inputs = {
        **_inputs(assignment, spec, bool(own or tools)),
        "user_message": {"type": "javascript", "expr": message},
        "memory": _static({"kind": "window", "context_length": _WINDOW}),
    }
    module = {
        "id": step, "summary": spec.role, "value": {
            "type": "aiagent", "input_transforms": inputs, "tools": [*own, *tools],
            "parallel": spec.parallel_tool_calls,
        },
    }
    return module if stop is None else {**module, "stop_after_if": {"expr": stop}}


def agent_tool(assignment: Assignment, agent: str) -> Json:
    """Return `agent` as a tool of another one, which gives it its message and nothing else."""
    spec = assignment.agent(agent)
    own = _own_tools(assignment, agent)
    return {
        "id": agent, "summary": agent, "description": f"{spec.role}. {spec.goal}",
        "value": {
            "tool_type": "flowmodule", "type": "aiagent", "input_transforms": {
                **_inputs(assignment, spec, bool(own)), "user_message": {"type": "ai"},
            },
            "tools": own, "parallel": spec.parallel_tool_calls,
        },
    }


def while_loop(name: str, modules: list[Json]) -> Json:
    """Return a whileloopflow over `modules`, one of which stops it."""
    return {
        "id": name, "value": {
            "type": "whileloopflow", "modules": modules, "skip_failures": False,
        },
    }


def side_by_side(name: str, branches: Iterable[list[Json]]) -> Json:
    """Return a branchall whose branches run at the same time."""
    return {
        "id": name, "value": {
            "type": "branchall", "parallel": True,
            "branches": [{"skip_failure": False, "modules": modules} for modules in branches],
        },
    }


def wrote(step: str, agent: str) -> str:
    """Return the expression of an earlier text; null where the module has not run."""
    return f'(results.{step} && "What {agent} wrote:\\n\\n" + results.{step}.output)'


def joined(texts: Iterable[str]) -> str:
    """Return the expression of all texts that are there, one after the other."""
    found = list(texts)
    if found == [TASK]:
        return TASK
    return f'[{", ".join(found)}].filter(Boolean).join("\\n\\n")'


def first_or_again(step: str, first: str, again: str) -> str:
    """Return the expression of a message that differs once the module has run: what it was told
    before is in its memory."""
    return f"results.{step} ? {again} : {first}"


def contains(text: str, part: str) -> str:
    """Return the condition that the expression `text` contains `part`, letter by letter."""
    return f"{text}.includes({json.dumps(part)})"


def _static(value: Any) -> Json:
    return {"type": "static", "value": value}


def _inputs(assignment: Assignment, spec: AgentSpec, has_tools: bool) -> Json:
    inputs = {
        "provider": _static({
            "kind": "customai", "resource": f"$res:{model_path(spec.name)}", "model": spec.model,
        }),
        "system_prompt": _static(spec.instructions),
        "streaming": _static(assignment.stream),
        "max_iterations": _static(spec.max_turns),
    }
    if spec.temperature is not None:
        inputs["temperature"] = _static(spec.temperature)
    if has_tools and spec.tool_choice != "auto":
        inputs["tool_choice"] = _static(spec.tool_choice)
    return inputs


def _own_tools(assignment: Assignment, agent: str) -> list[Json]:
    if assignment.endpoints[agent].mcp_url is None:
        return []
    return [{
        "id": f"{agent}_tools", "summary": "tools",
        "value": {"tool_type": "mcp", "resource_path": tools_path(agent)},
    }]
